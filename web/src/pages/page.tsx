// The frame of a screen.
import type { ReactNode } from "react";
import { PageHead } from "../ui/kit";

export function Page({ title, lead, action, children }: { title: string; lead?: ReactNode; action?: ReactNode; children: ReactNode }) {
  return (
    <>
      <PageHead title={title} lead={lead} action={action} />
      {children}
    </>
  );
}
