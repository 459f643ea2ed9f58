package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"autodeeplab/dataset"
	"autodeeplab/decode"
	"autodeeplab/search"
)

// Further files of a search.
const (
	relaxationFile   = "relaxation.safetensors"
	architectureFile = "architecture.json"
)

type searchOptions struct {
	longRun
	presetFlags[search.Options]
	table string
	data  dataFlags
}

func newSearchCommand(a *app) *cobra.Command {
	o := searchOptions{presetFlags: presetFlags[search.Options]{presets: search.Presets, names: search.PresetNames()}}
	cmd := &cobra.Command{
		Use:   "search --data FOLDER -o FOLDER",
		Short: "Search an architecture on your own images, by gradient descent",
		Long: `search trains the supernet of Auto-DeepLab on a folder of images and labels: a trellis of cells in
which every operator and every path of resolutions is present, with weights α and β that say how much.
The weights of the network are trained on one half of the training set, α and β on the other. What is
left at the end is decoded into an architecture, which compile takes.

The folder of -o gets the state of the search (` + checkpointFile + `), α and β
(` + relaxationFile + `), the decoded architecture (` + architectureFile + `), the log (` + logFile + `, and event
files for TensorBoard) and a report (` + reportFile + `). A search that was stopped, by Ctrl-C or by anything
else, goes on with --resume to the very same bytes.

Every option comes from --preset unless it is given: paper is the search of the paper (days on a CPU),
small is for a CPU and a data set of some hundred images.`,
		Example: `  autodeeplab search --data camvid/ -o found/
  autodeeplab search --data camvid/ -o found/ --resume
  autodeeplab search --data photos/ --preset small --epochs 20 --crops 129 --cost macs --cost-weight 0.1 -o found/`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a) },
	}
	f := cmd.Flags()
	o.longRun.add(f, "search")
	o.data.add(cmd, f)
	f.StringVar(&o.table, "cost-table", "", "latencies for --cost latency (bench --table writes them)")
	o.presetFlags.add(cmd, f, search.Flags, "small")
	nameArguments(f, "cost-table", "FILE")
	completeWith(cmd, "cost", search.CostNames)
	return cmd
}

func (o *searchOptions) run(ctx context.Context, a *app) error {
	if err := o.longRun.check("search"); err != nil {
		return err
	}
	options, err := o.options()
	if err != nil {
		return err
	}
	check := options
	check.Classes = 2 // the data's are not known yet
	if err := check.Validate(); err != nil {
		return usageError{err}
	}
	checkpoint, err := o.checkpoint("search")
	if err != nil {
		return err
	}
	var table *search.CostTable
	if o.table != "" {
		if table, err = search.ReadCostTable(o.table, options.Levels); err != nil {
			return err
		}
	}
	data, err := o.data.forSearch(a, options, o.threads)
	if err != nil {
		return err
	}
	var s *search.Search
	if o.resume {
		s, err = search.Resume(checkpoint, options, data, table, o.threads)
	} else {
		s, err = search.New(options, data, table, o.threads)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	if err := makeDir(o.out); err != nil {
		return err
	}
	// Nearly all memory is the supernet's, which stays: a collector that waits until as much again has become garbage would
	// double the peak.
	defer debug.SetGCPercent(debug.SetGCPercent(20))

	log, err := newSearchLog(o.out, s)
	if err != nil {
		return err
	}
	defer log.Close()
	view := newSearchView(a, s)
	err = s.Run(ctx, search.Progress{
		Step:       func(i search.StepInfo) { view.step(i); log.step(i) },
		Validating: view.validating,
		Epoch:      func(r search.Record) { view.epoch(r); log.Epoch(r.Epoch, r) },
		Warn:       func(text string) { view.warn(text); log.warn(text) },
	}, o.every, func() error {
		if err := s.Checkpoint(checkpoint); err != nil {
			return err
		}
		return log.flush()
	})
	view.close()
	if err != nil {
		if ctx.Err() != nil {
			a.printf("%s: stopped; --resume goes on\n", checkpoint)
		}
		return err
	}
	return o.finish(a, s, log)
}

// finish writes what the search found.
func (o *searchOptions) finish(a *app, s *search.Search, log *searchLog) error {
	// A search that was killed between its last checkpoint and the log has no step left that would write the log.
	if err := log.flush(); err != nil {
		return err
	}
	relaxation := s.Relaxation()
	path := filepath.Join(o.out, relaxationFile)
	if err := decode.WriteRelaxation(path, relaxation); err != nil {
		return err
	}
	d, err := relaxation.Decode(decode.DecodeOptions{Top: reportPaths, Name: "searched"})
	if err != nil {
		return err
	}
	arch := filepath.Join(o.out, architectureFile)
	if err := decode.WriteFile(arch, d.Architecture); err != nil {
		return err
	}
	report, err := log.report(d)
	if err != nil {
		return err
	}
	h := s.History()
	last := h[len(h)-1]
	fmt.Fprint(a.stdout, d.Architecture.String()) // a valid architecture has a printable name
	a.printf("loss %.4f, mIoU %s on validation, after %d epochs\n", last.Loss, percent(last.MIoU), last.Epoch)
	a.printf("%s\n%s\n", path, arch)
	if report != "" {
		a.printf("%s\n", report)
	}
	a.printf("Next:  autodeeplab train %s --data %s -o trained/\n", arch, o.data.folder)
	return nil
}

// searchView shows a search as it goes on.
type searchView struct {
	*epochView
	s *search.Search
}

func newSearchView(a *app, s *search.Search) *searchView {
	return &searchView{newEpochView(a, s.Options().Epochs), s}
}

func (v *searchView) step(i search.StepInfo) {
	v.epochView.step(i.Epoch, i.Step, i.Steps, i.Images, i.Took, func() string {
		text := fmt.Sprintf("loss %.3f", i.Loss)
		if h := v.s.History(); len(h) > 0 {
			last := h[len(h)-1]
			text += fmt.Sprintf("  mIoU %s  entropy α %.2f β %.2f", percent(lastMIoU(h)), last.AlphaEntropy, last.BetaEntropy)
		}
		return text
	})
}

func lastMIoU(h []search.Record) float64 {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].MIoU >= 0 {
			return h[i].MIoU
		}
	}
	return -1
}

func (v *searchView) epoch(r search.Record) {
	text := fmt.Sprintf("loss %.4f", r.Loss)
	if r.ArchLoss > 0 {
		text += fmt.Sprintf("  (half B %.4f)", r.ArchLoss)
	}
	if r.MIoU >= 0 {
		text += "  mIoU " + percent(r.MIoU)
	}
	if r.Cost > 0 {
		text += fmt.Sprintf("  cost %.3f", r.Cost)
	}
	v.line(r.Epoch, fmt.Sprintf("%s  entropy α %.3f β %.3f  path %v", text, r.AlphaEntropy, r.BetaEntropy, r.Path))
}

// forSearch reads and checks the data set of a search.
func (d *dataFlags) forSearch(a *app, o search.Options, threads int) (search.Data, error) {
	if d.folder == "" {
		return nil, usagef("search needs images and labels: --data FOLDER")
	}
	set, err := dataset.Open(d.folder, d.layout)
	if err != nil {
		return nil, err
	}
	bar := a.progress(len(set.Train)+len(set.Val), "reading")
	defer clearBar(bar)
	data, err := search.NewFolderData(set, o, threads, func(done, all int) {
		if bar != nil {
			_ = bar.Set(done)
		}
	})
	if err != nil {
		return nil, err
	}
	a.printf("%s: %d training and %d validation images, %d classes\n", d.folder, len(set.Train), len(set.Val), set.Classes.Len())
	return data, nil
}
