package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"kith/internal/scenario"
	"kith/internal/scenario/engines"
)

func testCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run the scenario files (*.kith) of a folder",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("name one folder with scenario files"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			_, failed, err := scenario.Test(cmd.Context(), args[0], cmd.OutOrStdout(), scenario.Options{Engines: []scenario.Engine{engines.Memory(), engines.Embedded()}})
			if err != nil {
				return err
			}
			if failed > 0 {
				return errCheck
			}
			return nil
		},
	}
	return cmd
}
