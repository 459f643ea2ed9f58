package main

import "github.com/spf13/cobra"

func newDataCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data COMMAND",
		Short: "Check a data set, or make a synthetic one",
		Long: `data looks after folders of images and labels: check reads one and reports what it holds and what is
wrong with it; synthesize paints one, for trying things out with nothing downloaded.`,
		Example: `  autodeeplab data check camvid/
  autodeeplab data synthesize -o scenes/`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newDataCheckCommand(a), newDataSynthesizeCommand(a))
	return cmd
}
