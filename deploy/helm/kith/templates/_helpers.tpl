{{- define "kith.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "kith.selector" -}}
app.kubernetes.io/name: kith
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kith.labels" -}}
{{ include "kith.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "kith.check" -}}
{{- if gt (int .Values.replicas) 1 }}
{{- if and (not .Values.existingSecret) (or (not .Values.engines.log) (not .Values.engines.state)) }}
{{- fail "several replicas need engines.log and engines.state, or a secret that has KITH_LOG and KITH_STATE" }}
{{- end }}
{{- if not .Values.existingSecret }}
{{- fail "several replicas need existingSecret with KITH_ID_KEY and KITH_ADMIN_TOKEN, which all of them share" }}
{{- end }}
{{- end }}
{{- end }}
