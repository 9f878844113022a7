// Written by make ui-api from /v1/openapi.json; not to be edited.

export interface paths {
    "/v1/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read everything of this moment as one archive, which `kith backup` seals and `kith restore` takes. */
        get: operations["readBackup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/consents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put what a person says of a purpose into the ledger. Statements count in the order of their receipt. */
        post: operations["postConsent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/entities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List them by key. */
        get: operations["listEntities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/entities/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one. */
        get: operations["getEntity"];
        /** Make it what the document says. What it means for records that were already taken holds once they are folded again; POST /v1/flush waits for that. */
        put: operations["putEntity"];
        post?: never;
        /** Remove one. Its rows are no more; declared again, they are back. */
        delete: operations["deleteEntity"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/entities/{key}/rows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List rows by key. */
        get: operations["listEntityRows"];
        /** Write rows: each attribute that a row names becomes what it says, unless a later write has been there; null removes one. A row that cannot be written is rejected alone. */
        put: operations["putEntityRows"];
        /** Write rows: each attribute that a row names becomes what it says, unless a later write has been there; null removes one. A row that cannot be written is rejected alone. */
        post: operations["postEntityRows"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/entities/{key}/rows/{row}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a row. */
        get: operations["getEntityRow"];
        put?: never;
        post?: never;
        /** Delete a row: what was written of it up to now counts no more. */
        delete: operations["deleteEntityRow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/{source}/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tell what happened to a message. A message is found for about a month after its last copy, or for as long as the log holds it when a position is named. */
        get: operations["traceEvent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/flush": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Wait until everything that was accepted before the call is folded and shows everywhere. */
        post: operations["flush"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/decisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what operators have decided, latest first, with who, when and why. */
        get: operations["listDecisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/decisions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one decision. */
        get: operations["getDecision"];
        put?: never;
        post?: never;
        /** Revoke a decision. It stays in the list, and what is known is as if it had never been made. */
        delete: operations["revokeDecision"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/merge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decide that two identifiers are one person. */
        post: operations["mergeIdentifiers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/retract": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take back what a run of a source brought, and whatever it will bring, as if it had never come. A run is the job of an import, or context.run of events. */
        post: operations["retractRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/split": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decide that nobody of one list is somebody of another, whatever is seen later. */
        post: operations["splitIdentifiers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/try": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say what other identity settings would change, without changing anything: which profiles would merge, split or be renamed, and which identifiers would be quarantined. */
        post: operations["tryIdentitySettings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/identity/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Explain why two identifiers are one person, by the links between them, or why they are not. */
        get: operations["explainIdentity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what takes long and was started, latest first. */
        get: operations["listJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read how far a job is. */
        get: operations["getJob"];
        put?: never;
        post?: never;
        /** Stop a job; one that has ended stays as it is. */
        delete: operations["cancelJob"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/rejects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the rows that a job has not taken, in their order, each with the reason; the first 100,000 are kept. */
        get: operations["listJobRejects"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/live/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Listen to events and verdicts as server-sent events, within moments of their acceptance. A verdict tells what became of a record (folded, repeat, held, rejected); an event follows the verdict of a folded one; lost tells how many records were left out because the listener was too slow. */
        get: operations["listenEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/m": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take the telemetry of SDKs and throw it away. */
        post: operations["collectMetrics"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read this document. */
        get: operations["getDescription"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Find people by name, e-mail address, phone number, id or order number, best first; typing errors are forgiven. */
        get: operations["searchProfiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read what is known of a person. */
        get: operations["getProfile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what became of a person's profile and why, and what operators decided about it, newest first. */
        get: operations["auditProfile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/consents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List everything that a person has said of purposes, the last received first, each with its proof. */
        get: operations["listProfileConsents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/entities/{entity}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the rows of an entity that belong to a person, by key. */
        get: operations["listProfileEntityRows"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a person's events, newest first. */
        get: operations["listProfileEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say why a person is in a segment, or not: the condition as a tree, each part with its verdict, what was found, the events that decide, and when that can change by itself. */
        get: operations["explainSegment"];
        put?: never;
        /** Say whether a condition that is not saved holds for a person, or for an account, and why, in the same form. */
        post: operations["explainCondition"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/identifiers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a person's identifiers, last seen first. */
        get: operations["listProfileIdentifiers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the people of an account, those who were active in it last first. */
        get: operations["listAccountMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/profiles/{ref}/segments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the segments that a person is in now. */
        get: operations["listProfileSegments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/projects/{key}/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the settings that Segment's SDKs ask for before they send. */
        get: operations["collectSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/purposes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List them by key. */
        get: operations["listPurposes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/purposes/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one. */
        get: operations["getPurpose"];
        /** Make it what the document says. What it means for records that were already taken holds once they are folded again; POST /v1/flush waits for that. */
        put: operations["putPurpose"];
        post?: never;
        /** Remove one. What was said of it stays in the ledger; a built-in purpose is again as it was. */
        delete: operations["deletePurpose"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the records that could not be folded, oldest first. */
        get: operations["listQuarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one record that could not be folded, with what was received. */
        get: operations["getQuarantined"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put a record back, once what was wrong is mended. */
        post: operations["retryQuarantined"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List them by key. */
        get: operations["listSegments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments:breakdown": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tell how many of a segment, or of those that a condition picks, have each value of a trait. Who has a list counts for each of its values. */
        post: operations["breakdownSegment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments:overlap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tell how many are in each combination of up to 5 segments, those in none of them too. What takes too long is told from a part of everybody (exact is false). */
        post: operations["overlapSegments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments:preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tell how many would be in a segment that is not saved, which conditions pick how many, and some of the people; with the key of a segment also who would enter and leave it. What takes too long is told from a part of everybody (exact is false). */
        post: operations["previewSegment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one. */
        get: operations["getSegment"];
        /** Make it what the document says. What it means for records that were already taken holds once they are folded again; POST /v1/flush waits for that. */
        put: operations["putSegment"];
        post?: never;
        /** Remove one. One that other segments are made of cannot be removed. */
        delete: operations["deleteSegment"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/segments/{key}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the members of a segment by id, each with the recorded moment of its last entry. */
        get: operations["listSegmentMembers"];
        put?: never;
        /** Upload members of a list, each named by an identifier, as JSON, as lines of JSON (application/x-ndjson) or as a table (text/csv) whose first line names the columns. A row that names nobody is rejected alone. More than 1,000 rows are a job. */
        post: operations["uploadSegmentMembers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tell who makes this call, by key or by session. */
        get: operations["readSession"];
        put?: never;
        /** Exchange a one-time code, or a token, for a session in a cookie. For pages of this server only: the call needs its origin and the header X-Kith-Request. */
        post: operations["signIn"];
        /** End the session of this browser. */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a code that signs one browser in, once, within 15 minutes. */
        post: operations["makeSessionCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/settings/identity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the identity settings, with the defaults of what was not set. */
        get: operations["getIdentitySettings"];
        /** Replace the identity settings. What the document leaves out gets its default. A job resolves everybody anew; until it has ended, people are missing or incomplete. */
        put: operations["putIdentitySettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/settings/traits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read by which policies custom traits of people count. */
        get: operations["getTraitSettings"];
        /** Replace the policies by which custom traits of people count. They hold for everything that was ever written. A job makes everybody anew; until it has ended, people are missing or incomplete. */
        put: operations["putTraitSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the sources by key. */
        get: operations["listSources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a source. */
        get: operations["getSource"];
        /** Make a source what the document says; a write key is made if there is none. */
        put: operations["putSource"];
        post?: never;
        /** Remove a source; its events stay. */
        delete: operations["deleteSource"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources/{key}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give a source a new write key; the old ones stay known for the overlap. */
        post: operations["rotateSourceKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run a read-only SQL query over the open tables: one SELECT, in the dialect of DuckDB. */
        post: operations["runSQL"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read how far kith is, and on demand the hash of its state. */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/traits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List them by key. */
        get: operations["listTraits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/traits/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one. */
        get: operations["getTrait"];
        /** Make it what the document says. What it means for records that were already taken holds once they are folded again; POST /v1/flush waits for that. */
        put: operations["putTrait"];
        post?: never;
        /** Remove one. A condition that names it asks the custom trait of that name from then on. */
        delete: operations["deleteTrait"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/traits/{key}:refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Work out a trait that depends on everybody (type rfm) now; else it is done once a day and when its definition is new. */
        post: operations["refreshTrait"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What became of a profile, or was decided about it. */
        AuditEntry: {
            /** Format: date-time */
            at: string;
            /** @description source and message_id of the message, or decision_id, because of which it was. */
            cause: Record<string, never> | null;
            count: number;
            /** @description A Decision, or null. */
            decision: unknown;
            from: string | null;
            identifiers: {
                type: string;
                value: string;
            }[];
            /** @enum {string} */
            kind: "merged" | "split" | "renamed" | "moved" | "decided" | "revoked";
            to: string | null;
        };
        /** @description How many have each value of a trait. */
        Breakdown: {
            /** Format: date-time */
            as_of: string;
            /** @description value and size, the most frequent first; null stands for those who have none. */
            data: {
                [key: string]: unknown;
            }[];
            /** @description Everybody was asked. */
            exact: boolean;
            /** @description The sizes of the values that are not shown, together. */
            other: number;
            /** @description How many different values there are. */
            values: number;
        };
        /** @description segment, the key of one, or where, a condition, and scope; trait, a path of a computed or custom trait; limit, how many values to show, at most 1000. */
        BreakdownRequest: {
            [key: string]: unknown;
        };
        /** @description A computed trait as it was saved, with key, version, created_at and updated_at; read alone also with cost (DefinitionCost), and partial: history is shorter than the window. */
        ComputedTrait: {
            [key: string]: unknown;
        };
        /** @description A computed trait: type is count, sum, avg, min, max, first, last, most_frequent, unique_list, unique_count, time_since_first, time_since_last, rfm or expression; with event, where, window and property as the type needs, or expression; scope is profile (default) or account. */
        ComputedTraitDocument: {
            [key: string]: unknown;
        };
        /** @description What counts for a purpose and channel. */
        Consent: {
            /** Format: date-time */
            at: string;
            /** @description Empty: all channels, also those that are yet to come. */
            channel: string;
            /** @description Key of the purpose; *: the person objects to everything. */
            purpose: string;
            /** @enum {string} */
            state: "granted" | "denied" | "withdrawn";
        };
        /** @description One statement of the ledger of consents. */
        ConsentRecord: {
            /**
             * Format: date-time
             * @description When it claims to have been said.
             */
            at: string;
            /** @description Empty: all channels. */
            channel: string;
            evidence: unknown;
            /** @description The statement's id, or the messageId of the event that said it. */
            id: string;
            /** @description Of whom it was said, which is whom it has to be taken back of. */
            identity: {
                type: string;
                value: string;
            };
            /** Format: uuid */
            node_id: string;
            policy: unknown;
            purpose: string;
            /**
             * Format: date-time
             * @description When it was received, which is the order that counts.
             */
            received_at: string;
            source: string;
            /** @enum {string} */
            state: "granted" | "denied" | "withdrawn";
            /** @enum {string} */
            via: "api" | "event" | "gpc";
        };
        /** @description What a person says of a purpose. */
        ConsentStatement: {
            /**
             * Format: date-time
             * @description When it was said; now if absent.
             */
            at?: string;
            /** @description Such as email; absent, empty or *: all channels, also those that are yet to come. */
            channel?: string;
            /** @description How it was said: any JSON, such as a form's name and page. */
            evidence?: unknown;
            /** @description A name of the statement: sent again it changes nothing. */
            id?: string;
            /** @description Whose word it is. */
            identity: {
                type: string;
                value: string;
            };
            /** @description What the person was told: any JSON, such as a version and a hash of the text. */
            policy?: unknown;
            /** @description Key of the purpose; * for an objection to everything. */
            purpose: string;
            /** @enum {string} */
            state: "granted" | "denied" | "withdrawn";
        };
        /** @description What an operator decided. */
        Decision: {
            /** @description An identifier. */
            a?: {
                type: string;
                value: string;
            };
            /** Format: date-time */
            at: string;
            /** @description An identifier. */
            b?: {
                type: string;
                value: string;
            };
            by: string | null;
            id: string;
            /** @enum {string} */
            kind: "merge" | "split" | "retract";
            left?: {
                type: string;
                value: string;
            }[];
            reason: string | null;
            /** @description When and by whom it was revoked. */
            revoked?: {
                /** Format: date-time */
                at: string;
                by: string | null;
                reason: string | null;
            };
            right?: {
                type: string;
                value: string;
            }[];
            run?: string;
            source?: string;
            /** @enum {string} */
            state: "standing" | "revoked";
        };
        /** @description What one answer to a definition costs at most for a busy person, in the reading of an event. It follows from the definition alone; beyond max it is refused. */
        DefinitionCost: {
            /** @description definitions.cost_max of the settings file; 0 for no bound. */
            max: number;
            parts: {
                cost: number;
                pointer: string;
                remedy?: string;
                why: string;
            }[];
            total: number;
        };
        /** @description A kind of things that people have, or that events speak of. */
        Entity: {
            attributes: {
                name: string;
                /** @enum {string} */
                type: "string" | "number" | "boolean" | "time" | "object" | "array";
            }[];
            created_at: string | null;
            description: string;
            /** @description The key in the address. */
            entity: string;
            /** @description The attribute that tells rows apart. */
            key: string;
            name: string;
            /** @description Whose a row is: an attribute that holds an identifier of the person. */
            relation: {
                attribute: string;
                identifier_type: string;
            } | null;
            updated_at: string | null;
            /** @description In a body: change only what is still of this version. */
            version: number;
        };
        /** @description An entity as it shall be. Absent fields have their defaults. */
        EntityDocument: {
            attributes?: {
                name: string;
                /** @enum {string} */
                type: "string" | "number" | "boolean" | "time" | "object" | "array";
            }[];
            /** @description May be repeated from an answer and means nothing. */
            readonly created_at?: unknown;
            description?: string;
            /** @description The key in the address. */
            entity?: string;
            /** @description The attribute that tells rows apart. */
            key: string;
            name?: string;
            /** @description Whose a row is: an attribute that holds an identifier of the person. */
            relation?: {
                attribute: string;
                identifier_type: string;
            } | null;
            /** @description May be repeated from an answer and means nothing. */
            readonly updated_at?: unknown;
            /** @description In a body: change only what is still of this version. */
            version?: number;
        };
        /** @description A row of an entity. */
        EntityRow: {
            attributes: {
                [key: string]: unknown;
            };
            key: string;
            /** @description The identifier that the row belongs to, known or not. */
            owner: {
                type?: string;
                value?: string;
            } | null;
            /** Format: date-time */
            updated_at: string;
        };
        /** @description An event as it was sent, with received_at, node_id and its source. */
        Event: {
            messageId: string;
            /** Format: uuid */
            node_id: string;
            /** Format: date-time */
            received_at: string;
            /** @description The key of the source; with messageId it names the event in GET /v1/events/{source}/{message_id}. */
            source: string;
            /** Format: date-time */
            timestamp: string;
            type: string;
        };
        /** @description where, the condition; scope: profile (default) or account. */
        ExplainRequest: {
            [key: string]: unknown;
        };
        /** @description One part of a condition, for one person. */
        Explanation: {
            children: components["schemas"]["Explanation"][];
            condition: {
                [key: string]: unknown;
            };
            /** @description The newest of the events that decide. */
            events: {
                [key: string]: unknown;
            }[];
            /** @description There are more of them, or more than a sequence looks at. */
            more_events: boolean;
            next_change: string | null;
            /** @description There when history is shorter than the part's window. */
            partial?: boolean;
            /** @description What was found: of a trait its value, of an event condition the count or aggregate. Null when missing. */
            value: unknown;
            verdict: boolean;
        };
        /** @description A record that could not be folded. */
        Held: {
            /** @description Of a single record: the message as received. */
            body?: unknown;
            code: string;
            detail: string;
            /** @description Of a single record: what of its batch applies to it. */
            envelope?: unknown;
            id: string;
            message_id: string | null;
            /** @description Of a single record that cannot be read: its bytes. */
            raw?: string;
            received_at: string | null;
            source: string | null;
            type: string | null;
        };
        /** @description One identifier of a person. */
        Identifier: {
            /** Format: date-time */
            first_seen: string;
            /** Format: date-time */
            last_seen: string;
            /**
             * Format: uuid
             * @description In the list of identifiers: the node that stands for it.
             */
            node_id?: string;
            /** @description Keys of the sources that sent it. */
            sources: string[];
            type: string;
            value: string;
        };
        /** @description Who is one person, and what identifies nobody. */
        IdentitySettings: {
            alias_merges_users?: boolean;
            /**
             * @description Whether what a browser did without a name is its owner's.
             * @enum {string}
             */
            anonymous_events?: "latest" | "never";
            /** @description By type, or * for all: values and /patterns/ that identify nobody, beside the built-in ones. Case does not count in values. */
            blocked?: {
                [key: string]: string[];
            };
            /** @description How many identifiers one person may have. */
            cluster_size?: {
                hard?: number;
                soft?: number;
            };
            /** @description Where a phone number without a country is from, unless its source says. */
            default_country?: string | null;
            paths?: {
                /** @description Names of tracks; empty: every call. */
                events?: string[];
                path: string;
                type: string;
            }[];
            types?: {
                /** @description By type: a value seen with more values of it joins nobody. */
                guard?: {
                    [key: string]: number;
                };
                /** @description How many one person may have. */
                limit?: {
                    count?: number;
                    /** @description ever, or within which time of first sightings. */
                    window?: string;
                };
                /**
                 * @description Whose a value is that several have: its first owner's, its latest one's, or nobody's.
                 * @enum {string}
                 */
                policy?: "first" | "latest" | "none";
                /** @description 1 is the highest. Types of one priority share one policy. */
                priority?: number;
                protected?: boolean;
                type: string;
            }[];
        };
        /** @description A segment that a person is in. */
        InSegment: {
            key: string;
            /** Format: date-time */
            since: string;
        };
        /** @description Something that takes long. */
        Job: {
            /** @description How much is done. */
            accepted: number;
            /** Format: date-time */
            created_at: string;
            ended_at: string | null;
            /** @description Why it failed: code and detail. */
            error: Record<string, never> | null;
            id: string;
            kind: string;
            rejected: number;
            rejects_url: string | null;
            /** @description What came of it; only of a single job. */
            result?: unknown;
            /** @enum {string} */
            state: "queued" | "running" | "done" | "failed" | "cancelled";
            /** @description How much there is to do; 0 until it is known. */
            total: number;
        };
        /** @description A member of a segment. */
        Member: {
            account_id?: string;
            profile_id?: string;
            /**
             * Format: date-time
             * @description The recorded moment of the last entry.
             */
            since: string;
        };
        /** @description How many are in which of the segments. */
        Overlap: {
            /** Format: date-time */
            as_of: string;
            /** @description Everybody was asked. */
            exact: boolean;
            /** @description For each combination in, the keys of the segments that these people are in, while they are in no other of those named, and size. The first region is in none. */
            regions: {
                [key: string]: unknown;
            }[];
            /** @description Of each segment. */
            sizes: {
                [key: string]: number;
            };
        };
        /** @description Which segments. */
        OverlapRequest: {
            /** @description Their keys; all of one scope. */
            segments: string[];
        };
        /** @description How many would be in a segment. */
        Preview: {
            /** Format: date-time */
            as_of: string;
            change?: components["schemas"]["SegmentChange"];
            cost: components["schemas"]["DefinitionCost"];
            /** @description Everybody was asked; else sizes are what a part of everybody lets expect. */
            exact: boolean;
            /** @description There when not everybody was asked: 19 of 20 such sizes are off by less. */
            margin?: number;
            /** @description History is shorter than one of the windows. */
            partial: boolean;
            /** @description Of the conditions that the outermost group joins, in their order: how many meet each. */
            per_condition: number[];
            /** @description Some of them: profile_id with name, first_name, last_name and email where they are known, else an identifier; or account_id. */
            sample: {
                [key: string]: unknown;
            }[];
            size: number;
        };
        /** @description where, the condition; scope; sample, how many people to show, at most 100; key, of a segment that the condition is to be compared with; exact, to wait until everybody is asked, where one part of them would be at once. */
        PreviewRequest: {
            [key: string]: unknown;
        };
        /** @description An error (RFC 9457). */
        Problem: {
            /** @description Stable; decide by it. */
            code: string;
            /** @description One sentence that says what to do. */
            detail: string;
            /** @description Each mistake in the body. */
            errors?: {
                code: string;
                detail: string;
                /** @description JSON pointer (RFC 6901). */
                pointer: string;
            }[];
            /** @description Also in the header X-Request-Id; names the call in kith's log. */
            request_id: string;
            status: number;
            title: string;
            type: string;
        };
        /** @description What is known of a person. */
        Profile: {
            accounts: string[];
            computed: {
                [key: string]: unknown;
            };
            consents: components["schemas"]["Consent"][];
            events: number;
            /** Format: date-time */
            first_seen: string;
            /** Format: uuid */
            id: string;
            identifiers: components["schemas"]["Identifier"][];
            /** Format: date-time */
            last_seen: string;
            segments: components["schemas"]["InSegment"][];
            /** @description By key the value, or with verbose=1 a Trait. */
            traits: Record<string, never>;
        };
        /** @description What data is used for. */
        Purpose: {
            /** @description No document declares it. */
            built_in: boolean;
            /** @description Names that consent managers give it in the consent objects of events, case-sensitive. */
            categories: string[];
            /** @description Over which it is used, such as email; for people. */
            channels: string[];
            /** @description Silence is a no. By default when the basis is consent. */
            consent_required: boolean;
            created_at: string | null;
            description: string;
            /**
             * @description Global Privacy Control refuses it.
             * @default false
             */
            gpc: boolean;
            /** @description The key in the address. */
            key: string;
            /**
             * @default consent
             * @enum {string}
             */
            legal_basis: "consent" | "contract" | "legal_obligation" | "vital" | "public_task" | "legitimate_interest";
            name: string;
            updated_at: string | null;
            /** @description In a body: change only what is still of this version. */
            version?: number;
        };
        /** @description A purpose as it shall be. Absent fields have their defaults. */
        PurposeDocument: {
            /** @description May be repeated from an answer and means nothing. */
            readonly built_in?: unknown;
            /** @description Names that consent managers give it in the consent objects of events, case-sensitive. */
            categories?: string[];
            /** @description Over which it is used, such as email; for people. */
            channels?: string[];
            /** @description Silence is a no. By default when the basis is consent. */
            consent_required?: boolean;
            /** @description May be repeated from an answer and means nothing. */
            readonly created_at?: unknown;
            description?: string;
            /**
             * @description Global Privacy Control refuses it.
             * @default false
             */
            gpc: boolean;
            /** @description The key in the address. */
            key?: string;
            /**
             * @default consent
             * @enum {string}
             */
            legal_basis: "consent" | "contract" | "legal_obligation" | "vital" | "public_task" | "legitimate_interest";
            name?: string;
            /** @description May be repeated from an answer and means nothing. */
            readonly updated_at?: unknown;
            /** @description In a body: change only what is still of this version. */
            version?: number;
        };
        /** @description A row that was not taken. */
        RejectedRow: {
            code: string;
            detail: string;
            /** @description Its place, from 0. */
            index: number;
            /** @description As it was sent, at most 1,000 bytes of it. */
            row: string;
        };
        /** @description A segment as it was saved, with key, version, created_at and updated_at; read alone also with cost (DefinitionCost), partial (history is shorter than one of its windows), size, as_of and status: live, or backfilling while everybody is asked, and the definition before serves. */
        Segment: {
            [key: string]: unknown;
        };
        /** @description Whom a definition would let in and out of a segment, beside the definition that serves now. */
        SegmentChange: {
            /** @description Those on one side. */
            entering: {
                /** @description Some of them: profile_id with name, first_name, last_name and email where they are known, else an identifier; or account_id. */
                sample: {
                    [key: string]: unknown;
                }[];
                size: number;
            };
            key: string;
            /** @description Those on one side. */
            leaving: {
                /** @description Some of them: profile_id with name, first_name, last_name and email where they are known, else an identifier; or account_id. */
                sample: {
                    [key: string]: unknown;
                }[];
                size: number;
            };
            /** @description Keys of the segments that are made of it, and would change with it. */
            needed_by: string[];
            /** @description Of the definition that serves, at the same moment; 0 when none does. */
            size_now: number;
            staying: number;
        };
        /** @description A segment: where is a condition; or list is true and members are uploaded. scope is profile (default) or account. */
        SegmentDocument: {
            [key: string]: unknown;
        };
        /** @description What saving a segment would change. Of a list there are no sizes: its members come by upload. */
        SegmentDryRun: {
            /** Format: date-time */
            as_of?: string;
            change?: components["schemas"]["SegmentChange"];
            cost: components["schemas"]["DefinitionCost"];
            /** @description There is no segment of that key yet. */
            created: boolean;
            definition: components["schemas"]["Segment"];
            dry_run: boolean;
            /** @description Everybody was asked; else sizes are what a part of everybody lets expect. */
            exact?: boolean;
            /** @description There when not everybody was asked: 19 of 20 such sizes are off by less. */
            margin?: number;
            /** @description History is shorter than one of the windows. */
            partial: boolean;
            /** @description Of the conditions that the outermost group joins, in their order: how many meet each. */
            per_condition?: number[];
            /** @description Some of them: profile_id with name, first_name, last_name and email where they are known, else an identifier; or account_id. */
            sample?: {
                [key: string]: unknown;
            }[];
            size?: number;
        };
        /** @description Where events come from. */
        Source: {
            /** @description Web origins whose pages may send; empty means all. */
            allow_origins: string[];
            /** Format: date-time */
            created_at: string;
            /** @description Where a phone number without a country is from. */
            default_country: string | null;
            /** @default true */
            enabled: boolean;
            /** @description The types of identifiers that its events may name; empty means all. */
            identifies: string[];
            /** @description The key in the address. */
            key: string;
            name: string;
            secret_set: boolean;
            /**
             * @description Whether its word counts on what only a server can know: the person's address, and moments long ago.
             * @default taken
             * @enum {string}
             */
            server_fields: "taken" | "ignored";
            /**
             * @default http
             * @enum {string}
             */
            type: "http";
            /** Format: date-time */
            updated_at: string;
            /** @description In a body: change only what is still of this version. */
            version: number;
            /** @description The current write key. It is public: it can send events and do nothing else. */
            write_key: string;
            write_keys: {
                /** Format: date-time */
                created_at: string;
                expires_at: string | null;
                last_used_at: string | null;
                value: string;
            }[];
        };
        /** @description A source as it shall be. Absent fields have their defaults; write key and secret stay. */
        SourceDocument: {
            /** @description Web origins whose pages may send; empty means all. */
            allow_origins?: string[];
            /** @description May be repeated from an answer and means nothing. */
            readonly created_at?: unknown;
            /** @description Where a phone number without a country is from. */
            default_country?: string | null;
            /** @default true */
            enabled: boolean;
            /** @description The types of identifiers that its events may name; empty means all. */
            identifies?: string[];
            /** @description The key in the address. */
            key?: string;
            name?: string;
            /** @description What server-to-server endpoints ask for beside the write key; never shown. Empty removes it. */
            secret?: string;
            /** @description May be repeated from an answer and means nothing. */
            readonly secret_set?: unknown;
            /**
             * @description Whether its word counts on what only a server can know: the person's address, and moments long ago.
             * @default taken
             * @enum {string}
             */
            server_fields: "taken" | "ignored";
            /**
             * @default http
             * @enum {string}
             */
            type: "http";
            /** @description May be repeated from an answer and means nothing. */
            readonly updated_at?: unknown;
            /** @description In a body: change only what is still of this version. */
            version?: number;
            /** @description The current write key. It is public: it can send events and do nothing else. */
            write_key?: string;
            /** @description May be repeated from an answer and means nothing. */
            readonly write_keys?: unknown;
        };
        /** @description How far kith is, in records. */
        Status: {
            /** @description Records answered 200, repeats and quarantined ones too. */
            accepted: number;
            analytics_lag_ms: number;
            engines: {
                [key: string]: string;
            };
            /** Format: date-time */
            hash_at?: string;
            hashes?: {
                [key: string]: string;
            };
            /** @description Profiles. */
            identity: {
                /** @description Identifiers, up to 10,000, on which a change waits that is too large to be made at once; answers are exact meanwhile. */
                pending: number;
            };
            /** @description Accepted and not yet processed. */
            lag: number;
            /** @description By partition of the log: how many records are folded. */
            position?: number[];
            /** @description The same once folded. */
            processed: number;
            /** @description Records that could not be folded. */
            quarantined: number;
            /** @description Copies of messages that were already there. */
            repeats: number;
            /** @description With hash=1: the hash of the whole derived state. */
            state_hash?: string;
            /** @description Changes by the passing of time. */
            wave: {
                done: number;
                due: number;
            };
        };
        /** @description What is known of a message. */
        Trace: {
            /** @description False when more records are kept apart than were looked through. */
            complete: boolean;
            message_id: string;
            records: {
                /** @description The verdict of transformations and tracking plans. */
                admission: string;
                code: string | null;
                detail: string | null;
                dropped: {
                    reason: string;
                    type: string;
                }[];
                /** @description The event as a timeline shows it, or null. */
                event: unknown;
                /** @description Where the event of the message lies. */
                event_position: string | null;
                identifiers: {
                    node_id: string;
                    type: string;
                    value: string;
                }[];
                /** @description When a copy of the message was received last. */
                last_copy_at: string | null;
                node_id: string | null;
                /** @description What was done to it when it was accepted, in words. */
                notes: string[];
                observation: string | null;
                /** @enum {string} */
                outcome: "folded" | "repeat" | "held" | "rejected" | "put_back" | "retracted" | "waiting" | "unknown";
                /** @description Where the record lies in the log: PARTITION-OFFSET. */
                position: string;
                /** @description The profile as of now. */
                profile_id: string | null;
                received_at: string | null;
                /** @description The outcome in words. */
                summary: string;
                timestamp: string | null;
                type: string | null;
            }[];
            source: string;
        };
        /** @description A trait and where its value comes from. */
        Trait: {
            message_id: string;
            /**
             * @description Which of several writes counts, see the settings of traits.
             * @enum {string}
             */
            policy: "latest" | "first" | "source_priority" | "max" | "min" | "most_frequent" | "union";
            source: string;
            /** Format: date-time */
            timestamp: string;
            value: unknown;
        };
        /** @description Why two identifiers are one person, or why not. */
        Why: {
            /** @description An identifier that was asked for. */
            a: {
                /** @description Why it identifies nobody. */
                blocked: string | null;
                profile_id: string | null;
                type: string;
                value: string;
            };
            /** @description An identifier that was asked for. */
            b: {
                /** @description Why it identifies nobody. */
                blocked: string | null;
                profile_id: string | null;
                type: string;
                value: string;
            };
            limits: {
                count: number;
                held: number;
                profile_id: string;
                type: string;
                window: string;
            }[];
            path: {
                /** @description An identifier. */
                a: {
                    type: string;
                    value: string;
                };
                /** @description An identifier. */
                b: {
                    type: string;
                    value: string;
                };
                count: number;
                decisions: string[];
                detail?: string;
                first_seen: string | null;
                /** @enum {string} */
                kind: "merge" | "event" | "identify" | "alias" | "consent" | "";
                kinds: string[];
                last_seen: string | null;
                messages: {
                    message_id: string;
                    source: string;
                    /** Format: date-time */
                    timestamp: string;
                }[];
                rule: string;
                source: string | null;
                sources: string[];
                /** @description accepted, limit:TYPE, quarantine:TYPE, size:N or split */
                verdict: string;
            }[];
            together: boolean;
            /** @description reason and detail, the rejected links between the two, and the identifiers that both were seen with. */
            why_not: Record<string, never> | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readBackup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive, not encrypted. It is whole if its last frame says so. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.kith.backup": unknown;
                };
            };
        };
    };
    postConsent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConsentStatement"];
            };
        };
        responses: {
            /** @description It is durable. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                    };
                };
            };
        };
    };
    listEntities: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Entity"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getEntity: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Entity"];
                };
            };
        };
    };
    putEntity: {
        parameters: {
            query?: {
                /** @description 1: check the document and answer what it would be, and change nothing. */
                dry_run?: string;
            };
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EntityDocument"];
            };
        };
        responses: {
            /** @description Changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Entity"];
                };
            };
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Entity"];
                };
            };
        };
    };
    deleteEntity: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listEntityRows: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The entity's key. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["EntityRow"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    putEntityRows: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The entity's key. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description A name of the batch: sent again it changes nothing. */
                    id?: string;
                    rows: Record<string, never>[];
                    /** @description The load that they belong to, which can be retracted as a whole. */
                    run?: string;
                    /** @description Key of the source that the rows are of. */
                    source?: string;
                    /**
                     * Format: date-time
                     * @description Of rows without one of their own; now if absent.
                     */
                    timestamp?: string;
                };
            };
        };
        responses: {
            /** @description What was accepted is durable. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        rejected: {
                            code: string;
                            detail: string;
                            index: number;
                        }[];
                    };
                };
            };
        };
    };
    postEntityRows: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The entity's key. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description A name of the batch: sent again it changes nothing. */
                    id?: string;
                    rows: Record<string, never>[];
                    /** @description The load that they belong to, which can be retracted as a whole. */
                    run?: string;
                    /** @description Key of the source that the rows are of. */
                    source?: string;
                    /**
                     * Format: date-time
                     * @description Of rows without one of their own; now if absent.
                     */
                    timestamp?: string;
                };
            };
        };
        responses: {
            /** @description What was accepted is durable. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        rejected: {
                            code: string;
                            detail: string;
                            index: number;
                        }[];
                    };
                };
            };
        };
    };
    getEntityRow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The entity's key. */
                key: string;
                /** @description The row's key, percent-encoded. */
                row: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntityRow"];
                };
            };
        };
    };
    deleteEntityRow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The entity's key. */
                key: string;
                /** @description The row's key, percent-encoded. */
                row: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Durable. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    traceEvent: {
        parameters: {
            query?: {
                /** @description One record of the message, PARTITION-OFFSET, such as a repeat: tells of that one alone. */
                position?: string;
            };
            header?: never;
            path: {
                /** @description Its messageId, percent-encoded; of one over 100 characters the hash that stands for it. */
                message_id: string;
                /** @description The key of the source that sent it. */
                source: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What happened to its records. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trace"];
                };
            };
        };
    };
    flush: {
        parameters: {
            query?: {
                /** @description How long to wait, such as 500ms, 30s or 1m; at most 10m. */
                timeout?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description By partition of the log: how many records are folded. */
                        position: number[];
                    };
                };
            };
        };
    };
    listDecisions: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The decisions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Decision"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getDecision: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the decision. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The decision. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Decision"];
                };
            };
        };
    };
    revokeDecision: {
        parameters: {
            query?: {
                /** @description Why. */
                reason?: string;
            };
            header?: never;
            path: {
                /** @description The id of the decision. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It no longer holds. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    mergeIdentifiers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description An identifier. */
                    a: {
                        type: string;
                        value: string;
                    };
                    /** @description An identifier. */
                    b: {
                        type: string;
                        value: string;
                    };
                    reason?: string;
                };
            };
        };
        responses: {
            /** @description It is decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        decision_id: string;
                    };
                };
            };
        };
    };
    retractRun: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    reason?: string;
                    run: string;
                    source: string;
                };
            };
        };
        responses: {
            /** @description The job that goes through what the run brought, with decision_id. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    splitIdentifiers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    left: {
                        type: string;
                        value: string;
                    }[];
                    reason?: string;
                    right: {
                        type: string;
                        value: string;
                    }[];
                };
            };
        };
        responses: {
            /** @description It is decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        decision_id: string;
                    };
                };
            };
        };
    };
    tryIdentitySettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    alias_merges_users?: boolean;
                    /**
                     * @description Whether what a browser did without a name is its owner's.
                     * @enum {string}
                     */
                    anonymous_events?: "latest" | "never";
                    /** @description By type, or * for all: values and /patterns/ that identify nobody, beside the built-in ones. Case does not count in values. */
                    blocked?: {
                        [key: string]: string[];
                    };
                    /** @description How many identifiers one person may have. */
                    cluster_size?: {
                        hard?: number;
                        soft?: number;
                    };
                    /** @description Where a phone number without a country is from, unless its source says. */
                    default_country?: string | null;
                    paths?: {
                        /** @description Names of tracks; empty: every call. */
                        events?: string[];
                        path: string;
                        type: string;
                    }[];
                    types?: {
                        /** @description By type: a value seen with more values of it joins nobody. */
                        guard?: {
                            [key: string]: number;
                        };
                        /** @description How many one person may have. */
                        limit?: {
                            count?: number;
                            /** @description ever, or within which time of first sightings. */
                            window?: string;
                        };
                        /**
                         * @description Whose a value is that several have: its first owner's, its latest one's, or nobody's.
                         * @enum {string}
                         */
                        policy?: "first" | "latest" | "none";
                        /** @description 1 is the highest. Types of one priority share one policy. */
                        priority?: number;
                        protected?: boolean;
                        type: string;
                    }[];
                };
            };
        };
        responses: {
            /** @description The job; its result is the report. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    explainIdentity: {
        parameters: {
            query: {
                /** @description An identifier as type:value, percent-encoded, or id: and a profile id. */
                a: string;
                /** @description An identifier as type:value, percent-encoded, or id: and a profile id. */
                b: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The explanation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Why"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The jobs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Job"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the job. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the job. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    listJobRejects: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The id of the job. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rows. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["RejectedRow"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listenEvents: {
        parameters: {
            query?: {
                /** @description Only what names this identifier, as type:value. */
                identifier?: string;
                /** @description Only events, pages or screens of this name. */
                name?: string;
                /** @description Only what the source with this key sent. */
                source?: string;
                /** @description Only calls of this type. */
                type?: "identify" | "track" | "page" | "screen" | "group" | "alias";
                /** @description Only what names this user. */
                user_id?: string;
            };
            header?: {
                /** @description The id of the last message received, to go on behind it; else the stream begins now. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    collectMetrics: {
        parameters: {
            query?: {
                /** @description The write key, if neither a header nor the body names it. */
                writeKey?: string;
            };
            header?: {
                /** @description gzip, deflate, zstd or absent. */
                "Content-Encoding"?: string;
                /** @description The write key, and behind a colon the secret. */
                "X-Write-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description Durable, but for the messages that the answer rejects. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        rejected?: {
                            code: string;
                            detail: string;
                            index: number;
                            message_id: string;
                        }[];
                        /** @constant */
                        success: true;
                    };
                };
            };
        };
    };
    getDescription: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An OpenAPI 3.1 document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    searchProfiles: {
        parameters: {
            query: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
                /** @description What is known: words in any order, with or without accents; an address; a number in any usual writing; TYPE:VALUE. The last word may be unfinished. */
                q: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was found, perhaps nothing. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            email: string | null;
                            events: number;
                            /** Format: date-time */
                            first_seen: string;
                            /** Format: uuid */
                            id: string;
                            /** Format: date-time */
                            last_seen: string;
                            matched: {
                                /** @description The type of an identifier, traits. and the name of a trait, or number of an order or the like. */
                                field: string;
                                value: string;
                            }[];
                            name: string | null;
                            phone: string | null;
                            /** @description How well it fits; 1 is an identifier as a whole. Only the order of scores of one answer means something. */
                            score: number;
                            user_id: string | null;
                        }[];
                        /** @description False when there was more to look through than one search does, so that others may fit as well. */
                        exact: boolean;
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getProfile: {
        parameters: {
            query?: {
                /** @description A moment (RFC 3339, or a date for its midnight in UTC): the profile as today's identity makes it of the events up to then. */
                as_of?: string;
                /** @description 1 tells the source, time and policy of each trait. */
                verbose?: "0" | "1";
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
        };
    };
    auditProfile: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["AuditEntry"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listProfileConsents: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConsentRecord"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listProfileEntityRows: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The entity's key. */
                entity: string;
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["EntityRow"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listProfileEvents: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Event"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    explainSegment: {
        parameters: {
            query?: {
                /** @description Its key. */
                segment?: string;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tree. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
        };
    };
    explainCondition: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ExplainRequest"];
            };
        };
        responses: {
            /** @description The tree. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
        };
    };
    listProfileIdentifiers: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Identifier"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listAccountMembers: {
        parameters: {
            query?: {
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            profile_id: string;
                        }[];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    listProfileSegments: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Any identifier of the person as type:value, such as email:ana@example.com, or id: and a profile id that was ever handed out. Percent-encode it; a slash is %2F. */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["InSegment"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    collectSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The write key. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    listPurposes: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Purpose"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getPurpose: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Purpose"];
                };
            };
        };
    };
    putPurpose: {
        parameters: {
            query?: {
                /** @description 1: check the document and answer what it would be, and change nothing. */
                dry_run?: string;
            };
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PurposeDocument"];
            };
        };
        responses: {
            /** @description Changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Purpose"];
                };
            };
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Purpose"];
                };
            };
        };
    };
    deletePurpose: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listQuarantine: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Held"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getQuarantined: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the record in the list. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The record. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Held"];
                };
            };
        };
    };
    retryQuarantined: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of the record in the list. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It will be folded. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                    };
                };
            };
        };
    };
    listSegments: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Segment"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    breakdownSegment: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["BreakdownRequest"];
            };
        };
        responses: {
            /** @description The sizes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Breakdown"];
                };
            };
        };
    };
    overlapSegments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["OverlapRequest"];
            };
        };
        responses: {
            /** @description The sizes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overlap"];
                };
            };
        };
    };
    previewSegment: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["PreviewRequest"];
            };
        };
        responses: {
            /** @description The size. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
        };
    };
    getSegment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Segment"];
                };
            };
        };
    };
    putSegment: {
        parameters: {
            query?: {
                /** @description 1: check the document and answer what it would be, and change nothing. */
                dry_run?: string;
            };
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SegmentDocument"];
            };
        };
        responses: {
            /** @description Changed; or, of a dry run, what would change (SegmentDryRun). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Segment"] | components["schemas"]["SegmentDryRun"];
                };
            };
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Segment"];
                };
            };
        };
    };
    deleteSegment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listSegmentMembers: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Of the segment. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Member"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    uploadSegmentMembers: {
        parameters: {
            query?: {
                /** @description A name of the upload: sent again it changes nothing. */
                id?: string;
                /** @description add (default), remove, or replace: the list is what is sent. */
                mode?: "add" | "remove" | "replace";
                /** @description The load that they belong to, which can be retracted as a whole; one of its own if absent. */
                run?: string;
                /** @description Key of the source that the rows are of; api if absent. */
                source?: string;
                /** @description Its place among uploads; now if absent. */
                timestamp?: string;
            };
            header?: never;
            path: {
                /** @description Of the segment, which says list: true. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    id?: string;
                    members: {
                        type?: string;
                        value?: string;
                    }[];
                    /** @enum {string} */
                    mode?: "add" | "remove" | "replace";
                    run?: string;
                    source?: string;
                    /** Format: date-time */
                    timestamp?: string;
                };
            };
        };
        responses: {
            /** @description What was accepted is durable. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        rejected: components["schemas"]["RejectedRow"][];
                        /** @description By it and the source the upload can be retracted. */
                        run: string;
                        source: string;
                        /** @description Of the accepted: identifiers that nobody had yet. Who turns out to have one is in the list from then on. */
                        unknown: number;
                    };
                };
            };
            /** @description A job writes it. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    readSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who it is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        name: string;
                        workspace: string;
                    };
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code?: string;
                    token?: string;
                };
            };
        };
        responses: {
            /** @description The browser is signed in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        name: string;
                        workspace: string;
                    };
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    makeSessionCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The code. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        code: string;
                        /** @description Behind the server's address, it signs in. */
                        path: string;
                    };
                };
            };
        };
    };
    getIdentitySettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdentitySettings"];
                };
            };
        };
    };
    putIdentitySettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    alias_merges_users?: boolean;
                    /**
                     * @description Whether what a browser did without a name is its owner's.
                     * @enum {string}
                     */
                    anonymous_events?: "latest" | "never";
                    /** @description By type, or * for all: values and /patterns/ that identify nobody, beside the built-in ones. Case does not count in values. */
                    blocked?: {
                        [key: string]: string[];
                    };
                    /** @description How many identifiers one person may have. */
                    cluster_size?: {
                        hard?: number;
                        soft?: number;
                    };
                    /** @description Where a phone number without a country is from, unless its source says. */
                    default_country?: string | null;
                    paths?: {
                        /** @description Names of tracks; empty: every call. */
                        events?: string[];
                        path: string;
                        type: string;
                    }[];
                    types?: {
                        /** @description By type: a value seen with more values of it joins nobody. */
                        guard?: {
                            [key: string]: number;
                        };
                        /** @description How many one person may have. */
                        limit?: {
                            count?: number;
                            /** @description ever, or within which time of first sightings. */
                            window?: string;
                        };
                        /**
                         * @description Whose a value is that several have: its first owner's, its latest one's, or nobody's.
                         * @enum {string}
                         */
                        policy?: "first" | "latest" | "none";
                        /** @description 1 is the highest. Types of one priority share one policy. */
                        priority?: number;
                        protected?: boolean;
                        type: string;
                    }[];
                };
            };
        };
        responses: {
            /** @description The job that resolves everybody anew. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    getTraitSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        policies: {
                            /** @enum {string} */
                            policy: "latest" | "first" | "source_priority" | "max" | "min" | "most_frequent" | "union";
                            /** @description Of source_priority: keys of sources, the highest first. All others come last together. */
                            sources?: string[];
                            trait: string;
                        }[];
                    };
                };
            };
        };
    };
    putTraitSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    policies: {
                        /** @enum {string} */
                        policy: "latest" | "first" | "source_priority" | "max" | "min" | "most_frequent" | "union";
                        /** @description Of source_priority: keys of sources, the highest first. All others come last together. */
                        sources?: string[];
                        trait: string;
                    }[];
                };
            };
        };
        responses: {
            /** @description The job that makes everybody anew. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
    listSources: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sources. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Source"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getSource: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The source's key: 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The source. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Source"];
                };
            };
        };
    };
    putSource: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The source's key: 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceDocument"];
            };
        };
        responses: {
            /** @description Changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Source"];
                };
            };
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Source"];
                };
            };
        };
    };
    deleteSource: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The source's key: 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    rotateSourceKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The source's key: 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /**
                     * @description A whole number and m, h, d or w.
                     * @default 24h
                     */
                    overlap?: string;
                };
            };
        };
        responses: {
            /** @description The source. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Source"];
                };
            };
        };
    };
    runSQL: {
        parameters: {
            query?: never;
            header?: {
                /** @description The form of the answer. */
                Accept?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @example SELECT name, count(*) FROM events GROUP BY name ORDER BY 2 DESC LIMIT 10 */
                    query: string;
                };
            };
        };
        responses: {
            /** @description The answer. Its tables hold everything up to the moment in Kith-As-Of. One JSON object to a line; Kith-Truncated, a header or a trailer, tells by which limit the answer was cut short. CSV with a line of names; texts that a spreadsheet would compute have an apostrophe before them. A stream of Apache Arrow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * Format: date-time
                         * @description Up to when the tables hold everything.
                         */
                        as_of: string | null;
                        columns: {
                            name: string;
                            type: string;
                        }[];
                        /** @description One object to a row. Decimals and integers of any length are JSON numbers, times are RFC 3339 in UTC. */
                        data: Record<string, never>[];
                        /** @description How many rows data has. */
                        rows: number;
                        /** @description Whether a limit cut the answer short. */
                        truncated: boolean;
                        /** @enum {string} */
                        truncated_by?: "rows" | "bytes";
                    };
                    "application/vnd.apache.arrow.stream": unknown;
                    "application/x-ndjson": unknown;
                    "text/csv": unknown;
                };
            };
        };
    };
    getStatus: {
        parameters: {
            query?: {
                /** @description The moment whose state is hashed; now if absent. */
                at?: string;
                /** @description 1 adds the hash of the state, which reads all of it. */
                hash?: "0" | "1";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The status. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
        };
    };
    listTraits: {
        parameters: {
            query?: {
                /** @description The next of the page before. */
                cursor?: string;
                /** @description How many at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ComputedTrait"][];
                        /** @description The cursor of the next page; null at the end. */
                        next: string | null;
                    };
                };
            };
        };
    };
    getTrait: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Found. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComputedTrait"];
                };
            };
        };
    };
    putTrait: {
        parameters: {
            query?: {
                /** @description 1: check the document and answer what it would be, and change nothing. */
                dry_run?: string;
            };
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ComputedTraitDocument"];
            };
        };
        responses: {
            /** @description Changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComputedTrait"];
                };
            };
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ComputedTrait"];
                };
            };
        };
    };
    deleteTrait: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description 1 to 64 letters, digits, '.', '_' and '-'. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    refreshTrait: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the trait. */
                key: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A job does it. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
        };
    };
}
