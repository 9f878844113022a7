// Short messages of what was just done, with a way back where there is one.
import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./kit";

type Message = { id: number; text: string; undo?: () => void };

let messages: Message[] = [];
let last = 0;
const listeners = new Set<() => void>();
const tell = (next: Message[]) => {
  messages = next;
  listeners.forEach((f) => f());
};
const drop = (id: number) => tell(messages.filter((m) => m.id !== id));

/** say shows a message for some seconds, longer when it can be undone. */
export function say(text: string, undo?: () => void) {
  const id = ++last;
  tell([...messages.slice(-2), { id, text, undo }]);
  setTimeout(() => drop(id), undo ? 10_000 : 4_000);
}

export function Toasts() {
  const { t } = useTranslation();
  const all = useSyncExternalStore(
    (f) => {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    () => messages,
  );
  return (
    <div role="status" className="no-print pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col items-center gap-2">
      {all.map((m) => (
        <div key={m.id} className="pointer-events-auto flex max-w-full items-center gap-2 rounded-lg border border-line bg-ink py-1.5 pr-1.5 pl-4 text-panel shadow-xl">
          <span className="min-w-0 break-words">{m.text}</span>
          {m.undo && (
            <Button
              small
              onClick={() => {
                m.undo?.();
                drop(m.id);
              }}
            >
              {t("undo")}
            </Button>
          )}
          <button type="button" aria-label={t("close")} onClick={() => drop(m.id)} className="inline-flex size-7 items-center justify-center rounded">
            <X aria-hidden className="size-4" />
          </button>
        </div>
      ))}
    </div>
  );
}
