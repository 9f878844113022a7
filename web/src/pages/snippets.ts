// What to paste, complete, to send a first event in each way.

export const kinds = ["curl", "browser", "node", "python", "go", "java", "ruby", "php"] as const;
export type Kind = (typeof kinds)[number];

/** snippet is what to paste, complete, to send a first event. */
export function snippet(kind: Kind, address: string, key: string): string {
  const host = address.replace(/^https?:\/\//, "");
  switch (kind) {
    case "curl":
      return `curl ${address}/v1/track \\\n  -u ${key}: \\\n  -H 'Content-Type: application/json' \\\n  -d '{"userId":"u1","event":"Order Completed","properties":{"revenue":42}}'`;
    case "browser":
      return `import { AnalyticsBrowser } from "@segment/analytics-next";\n\nconst analytics = AnalyticsBrowser.load(\n  { writeKey: "${key}", cdnURL: "${address}" },\n  { integrations: { "Segment.io": { apiHost: "${host}/v1", protocol: "${address.startsWith("https") ? "https" : "http"}" } } },\n);\nanalytics.track("Order Completed", { revenue: 42 });`;
    case "node":
      return `import { Analytics } from "@segment/analytics-node";\n\nconst analytics = new Analytics({ writeKey: "${key}", host: "${address}" });\nanalytics.track({ userId: "u1", event: "Order Completed", properties: { revenue: 42 } });\nawait analytics.closeAndFlush();`;
    case "python":
      return `import segment.analytics as analytics\n\nanalytics.write_key = "${key}"\nanalytics.host = "${address}"\nanalytics.track("u1", "Order Completed", {"revenue": 42})\nanalytics.flush()`;
    case "go":
      return `client, err := analytics.NewWithConfig("${key}", analytics.Config{Endpoint: "${address}"})\nif err != nil {\n\treturn err\n}\ndefer client.Close()\nreturn client.Enqueue(analytics.Track{UserId: "u1", Event: "Order Completed",\n\tProperties: analytics.NewProperties().SetRevenue(42)})`;
    case "java":
      return `Analytics analytics = Analytics.builder("${key}").endpoint("${address}").build();\nanalytics.enqueue(TrackMessage.builder("Order Completed")\n    .userId("u1")\n    .properties(Map.of("revenue", 42)));\nanalytics.flush();`;
    case "ruby":
      return `require "segment/analytics"\n\nanalytics = Segment::Analytics.new(write_key: "${key}", host: "${host.replace(/:\d+$/, "")}",\n                                   port: ${/:(\d+)$/.exec(host)?.[1] ?? (address.startsWith("https") ? 443 : 80)}, ssl: ${address.startsWith("https")})\nanalytics.track(user_id: "u1", event: "Order Completed", properties: { revenue: 42 })\nanalytics.flush`;
    case "php":
      return `use Segment\\Segment;\n\nSegment::init("${key}", ["host" => "${host}", "protocol" => "${address.startsWith("https") ? "https" : "http"}"]);\nSegment::track(["userId" => "u1", "event" => "Order Completed", "properties" => ["revenue" => 42]]);\nSegment::flush();`;
  }
}
