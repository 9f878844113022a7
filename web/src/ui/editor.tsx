// A box for SQL: colours, names of tables and columns while they are typed, and a
// mark where the server found a mistake. It stands in a tree of its own, whose
// styles the page's policy lets it make.
import { acceptCompletion, autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";

export type EditorHandle = { insert: (text: string) => void; mark: (at: number | null) => void };
export type Schema = Record<string, string[]>;

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--panel)", fontSize: "0.875rem", borderRadius: "0.5rem 0.5rem 0 0" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace', lineHeight: "1.6", minHeight: "9.5rem", maxHeight: "22rem", overflow: "auto" },
  ".cm-content": { padding: "0.75rem 0", caretColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "none", paddingLeft: "0.25rem" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--accent-wash)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "0.5rem", overflow: "hidden" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-wash)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-wash)" },
  ".cm-mistake": { backgroundColor: "var(--bad-wash)", textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--two)" },
]);

const setMark = StateEffect.define<number | null>();
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(old, tr) {
    for (const e of tr.effects) {
      if (!e.is(setMark)) continue;
      if (e.value === null || tr.state.doc.length === 0) return Decoration.none;
      const from = Math.min(e.value, tr.state.doc.length - 1);
      const word = tr.state.wordAt(from);
      return Decoration.set([Decoration.mark({ class: "cm-mistake" }).range(word?.from ?? from, Math.max(word?.to ?? 0, from + 1))]);
    }
    return tr.docChanged ? Decoration.none : old;
  },
  provide: (f) => EditorView.decorations.from(f),
});

/** typeOver replaces what is selected by what is typed. Left to itself the browser would keep the colours of what was
 * there as a style of the element, which the page's policy refuses. */
function typeOver(e: InputEvent, v: EditorView): boolean {
  if (e.inputType !== "insertText" || !e.data || v.composing || v.state.selection.main.empty) return false;
  e.preventDefault();
  v.dispatch(v.state.replaceSelection(e.data), { scrollIntoView: true, userEvent: "input.type" });
  return true;
}

export function Editor({ ref, value, change, run, schema, label }: { ref?: Ref<EditorHandle>; value: string; change: (v: string) => void; run: () => void; schema: Schema; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const latest = useRef({ change, run });
  latest.current = { change, run };
  const told = useRef<string[]>([]); // what was typed and has not come back as the value
  useEffect(() => {
    const root = box.current!.shadowRoot ?? box.current!.attachShadow({ mode: "open" });
    const v = new EditorView({
      root,
      parent: root as unknown as HTMLElement,
      state: EditorState.create({
        doc: value,
        extensions: [
          Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (latest.current.run(), true) }, { key: "Tab", run: acceptCompletion }])),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false, activateOnTyping: true }),
          highlightActiveLine(),
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          language.current.of(sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true })),
          syntaxHighlighting(colours),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          EditorView.domEventHandlers({ beforeinput: typeOver }),
          EditorView.updateListener.of((u) => {
            if (!u.docChanged) return;
            told.current.push(u.state.doc.toString());
            latest.current.change(u.state.doc.toString());
          }),
          marks,
          look,
        ],
      }),
    });
    view.current = v;
    return () => v.destroy();
    // the editor holds what is typed; what comes from elsewhere is brought in below
    // eslint-disable-next-line
  }, [label]);
  useEffect(() => {
    const v = view.current;
    const at = told.current.lastIndexOf(value);
    told.current = at >= 0 ? told.current.slice(at + 1) : [];
    if (at >= 0) return; // it was typed, and more may have been since
    if (v && v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true })) });
  }, [schema]);
  useImperativeHandle(ref, () => ({
    insert: (text) => {
      const v = view.current;
      if (!v) return;
      v.dispatch(v.state.replaceSelection(text));
      v.focus();
    },
    mark: (at) => {
      const v = view.current;
      if (!v) return;
      v.dispatch({ effects: setMark.of(at), ...(at === null ? {} : { selection: { anchor: Math.min(at, v.state.doc.length) }, scrollIntoView: true }) });
      if (at !== null) v.focus();
    },
  }));
  return <div ref={box} className="min-w-0" />;
}

