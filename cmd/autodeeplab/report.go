package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/search"
)

func newReportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "report FOLDER",
		Short: "Write the report of a search, at its end or on its way",
		Long: `report reads the state of a search in the folder that search -o wrote to, and writes ` + reportFile + ` there:
curves, α and β, the decoded cell and path and how sure the search is of them, as one page that opens from
disk. The search may be under way, stopped or finished; search writes the same page at its end.`,
		Example: `  autodeeplab report found/`,
		Args:    arguments(1, 1, "the folder of a search"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := search.ReadSummary(filepath.Join(args[0], checkpointFile))
			if err != nil {
				return err
			}
			d, err := s.Relaxation.Decode(decode.DecodeOptions{Top: reportPaths, Name: "searched"})
			if err != nil {
				return err
			}
			path := filepath.Join(args[0], reportFile)
			if err := atomicfile.Write(path, searchPage(s.Options, s.History, s.Relaxation, d).WriteHTML); err != nil {
				return err
			}
			a.printf("%s: after %d of %d epochs\n", path, s.Epoch, s.Options.Epochs)
			return nil
		},
	}
}
