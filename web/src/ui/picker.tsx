// A box to type a name into, which shows what names there are and how much each
// is used.
import { Autocomplete } from "@base-ui/react/autocomplete";
import { useTranslation } from "react-i18next";
import { cx, Num } from "./kit";

export type Choice = { value: string; n?: number; note?: string };

export function Picker({ value, change, choices, label, className, invalid }: { value: string; change: (v: string) => void; choices: Choice[]; label: string; className?: string; invalid?: boolean }) {
  const { t } = useTranslation();
  return (
    <Autocomplete.Root items={choices} value={value} onValueChange={(v) => change(String(v))} itemToStringValue={(c: Choice) => c.value} limit={60} openOnInputClick>
      <Autocomplete.Input
        aria-label={label}
        aria-invalid={invalid || undefined}
        placeholder={label}
        className={cx("min-h-9 w-full max-w-full min-w-0 rounded-md border border-edge/60 bg-panel px-2.5 text-ink placeholder:text-soft compact:min-h-8", className)}
      />
      <Autocomplete.Portal>
        <Autocomplete.Positioner sideOffset={4} className="z-50 outline-none">
          <Autocomplete.Popup className="max-h-72 w-[max(var(--anchor-width),17rem)] max-w-[calc(100vw-1.5rem)] overflow-auto rounded-lg border border-line bg-panel p-1 text-ink shadow-xl">
            <Autocomplete.Empty className="px-2.5 text-sm text-soft [&:not(:empty)]:py-1.5">{t("picker.none")}</Autocomplete.Empty>
            <Autocomplete.List>
              {(c: Choice) => (
                <Autocomplete.Item key={c.value} value={c} className="flex cursor-pointer items-baseline justify-between gap-3 rounded px-2.5 py-1 outline-none data-[highlighted]:bg-accent-wash">
                  <span className="min-w-0 truncate">{c.value}</span>
                  <span className="shrink-0 text-xs text-soft">{c.n !== undefined ? <Num n={c.n} /> : c.note}</span>
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Popup>
        </Autocomplete.Positioner>
      </Autocomplete.Portal>
    </Autocomplete.Root>
  );
}
