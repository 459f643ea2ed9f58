package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/report"
	"autodeeplab/internal/statefile"
	"autodeeplab/search"
	"autodeeplab/train"
)

func newReportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "report FOLDER",
		Short: "Write the report of a search or a training, at its end or on its way",
		Long: `report reads the state of a search or a training in the folder that its -o named, and writes ` + reportFile + `
there, as one page that opens from disk: curves, and of a search α and β, the decoded cell and path and how
sure it is of them, of a training predictions, the IoU of each class and the network. It may be under way,
stopped or finished; at its end it writes the same page itself.`,
		Example: `  autodeeplab report found/
  autodeeplab report trained/`,
		Args: arguments(1, 1, "the folder of a search or a training"),
		RunE: func(cmd *cobra.Command, args []string) error {
			page, epoch, epochs, err := readPage(args[0])
			if err != nil {
				return err
			}
			path := filepath.Join(args[0], reportFile)
			if err := atomicfile.Write(path, page.WriteHTML); err != nil {
				return err
			}
			a.printf("%s: after %d of %d epochs\n", path, epoch, epochs)
			return nil
		},
	}
}

// readPage makes the page of what has its state in a folder.
func readPage(dir string) (page *report.Page, epoch, epochs int, err error) {
	path := filepath.Join(dir, checkpointFile)
	s, err := search.ReadSummary(path)
	if err == nil {
		d, err := s.Relaxation.Decode(decode.DecodeOptions{Top: reportPaths, Name: "searched"})
		if err != nil {
			return nil, 0, 0, err
		}
		return searchPage(s.Options, s.History, s.Relaxation, d), s.Epoch, s.Options.Epochs, nil
	}
	if !errors.Is(err, statefile.ErrFormat) {
		return nil, 0, 0, err
	}
	t, err := train.ReadSummary(path)
	if errors.Is(err, statefile.ErrFormat) {
		return nil, 0, 0, fmt.Errorf("%w, nor of a search", err)
	}
	if err != nil {
		return nil, 0, 0, err
	}
	if page, err = trainPage(t, dir); err != nil {
		return nil, 0, 0, fmt.Errorf("%s: %w", dir, err)
	}
	return page, t.Epoch, t.Options.Epochs, nil
}
