package main

import "github.com/spf13/cobra"

// commands lists every command, one line each.
var commands = []func() *cobra.Command{
	serveCommand,
	demoCommand,
	openCommand,
	profileCommand,
	searchCommand,
	traceCommand,
	identityCommand,
	listenCommand,
	sqlCommand,
	lakeCommand,
	exportCommand,
	sqlWorkerCommand,
	statusCommand,
	testCommand,
	benchCommand,
	sizeCommand,
	doctorCommand,
	backupCommand,
	restoreCommand,
	moveCommand,
	checkCommand,
	versionCommand,
}
