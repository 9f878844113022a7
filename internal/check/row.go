// Package check tells whether what is stored can be read. The engines hold every
// byte against its checksum; here the rows of the state, which a sound disk gives
// back as they were written, are held against the formats of those who wrote
// them, and the state against its log.
package check

import (
	"kith/internal/cold"
	"kith/internal/consent"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/fact"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/lake"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/search"
	"kith/internal/state"
)

const nodeBytes = len(identity.NodeID{})

// Row tells whether a row of the state can be read; the error is of kind Corrupt.
func Row(key, value []byte) error {
	if len(key) == 0 {
		return errs.New(errs.Corrupt, "check.key", "a row has an empty key")
	}
	switch f := state.Family(key[0]); f {
	case state.FamilyDecision:
		_, err := decision.DecodeRow(key, value)
		return first(formed(value != nil, f), err)
	case state.FamilyCursor, state.FamilyRun, state.FamilyMark, state.FamilyMarkDay, state.FamilyQuarantine:
		return pipeline.CheckRow(key, value)
	case state.FamilyFact:
		return fact.CheckRow(key, value)
	case state.FamilyCold:
		return cold.CheckRow(key, value)
	case state.FamilyHistory:
		return keyed.CheckRow(key, value)
	case state.FamilyResource:
		return resource.CheckRow(key, value)
	case state.FamilySearch:
		return search.CheckRow(key, value)
	case state.FamilyAdjacent:
		_, _, ok := identity.SplitAdjacent(key)
		return formed(ok, f)
	case state.FamilyIdentifier:
		_, err := identity.DecodeIdentifier(value)
		return first(formed(len(key) == 1+nodeBytes, f), err)
	case state.FamilyObservation:
		if len(key) != 1+nodeBytes+len(identity.ObservationKey{}) {
			return formed(false, f)
		}
		_, err := identity.DecodeObservation(identity.NodeID(key[1:1+nodeBytes]), value)
		return err
	case state.FamilyWaiting:
		return pipeline.CheckRow(key, value)
	case state.FamilyJournal:
		return journal.CheckRow(key, value)
	case state.FamilyCluster:
		return identity.CheckClusterRow(key, value)
	case state.FamilyRuling:
		_, err := identity.DecodeRuling(key, value)
		return err
	case state.FamilyLedger, state.FamilyConsent:
		return consent.CheckRow(key, value)
	case state.FamilyEntity, state.FamilyEntityWrite, state.FamilyOwned:
		return entity.CheckRow(key, value)
	case state.FamilyLake:
		return lake.CheckRow(key, value)
	case state.FamilyMembership:
		return membership.CheckRow(key, value)
	case state.FamilyTrait:
		_, err := profile.DecodeWrite(value)
		return first(formed(len(key) > nodeBytes, f), err)
	}
	return errs.New(errs.Corrupt, "check.family", "a row belongs to no known family (%q)", key[:1])
}

// formed is the error of a key that has not the form of its family.
func formed(ok bool, f state.Family) error {
	if ok {
		return nil
	}
	return errs.New(errs.Corrupt, "check.key", "the key of a row of family %c has another form", f)
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Ends tells whether the state goes no further than its log: a cursor behind the
// end of its partition has folded records that are gone. The row may be any; the
// error is of kind Corrupt.
func Ends(key, value []byte, ends []int64) error {
	if len(key) == 0 || state.Family(key[0]) != state.FamilyCursor {
		return nil
	}
	c, ok, err := pipeline.CursorOf(key, value)
	if err != nil || !ok {
		return err
	}
	if int(c.Partition) >= len(ends) || c.Partition < 0 {
		return errs.New(errs.Corrupt, "check.partition", "the state has folded partition %d, which the log does not have", c.Partition)
	}
	if end := ends[c.Partition]; c.Next > end || c.Next < 0 {
		return errs.New(errs.Corrupt, "check.cursor", "the state has folded partition %d up to record %d, but its log ends at %d", c.Partition, c.Next, end)
	}
	return nil
}
