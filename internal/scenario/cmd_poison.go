package scenario

import "context"

func poisonCommand() *command {
	return &command{
		name: "poison", usage: "MESSAGEID…",
		about:   "makes folding these messages break, as a defect would.",
		options: noOptions, least: 1, most: manyArgs,
		run: func(_ context.Context, s *session, st *step) (string, error) {
			if s.faults.poisoned == nil {
				s.faults.poisoned = map[string]bool{}
			}
			for _, v := range st.positional() {
				s.faults.poisoned[v.text()] = true
			}
			s.faults.used = true
			return "", nil
		},
	}
}

func cureCommand() *command {
	return &command{
		name:    "cure",
		about:   "mends what poison broke; what is held stays held until it is put back.",
		options: noOptions,
		run: func(_ context.Context, s *session, _ *step) (string, error) {
			s.faults.poisoned = nil
			return "", nil
		},
	}
}
