package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"autodeeplab/dataset"
	"autodeeplab/decode"
	"autodeeplab/search"
)

// Files of a search, in its folder.
const (
	checkpointFile   = "checkpoint.safetensors"
	relaxationFile   = "relaxation.safetensors"
	architectureFile = "architecture.json"
)

type searchOptions struct {
	out, preset, table string
	data               dataFlags
	resume, restart    bool
	threads            int
	every              time.Duration
	changed            []change
}

// change is an option that the command line sets, over what the preset says.
type change struct {
	flag search.Flag
	text string
}

// optionValue is the pflag.Value of one option of the search.
type optionValue struct {
	o    *searchOptions
	flag search.Flag
	text string
}

func (v *optionValue) String() string { return v.text }
func (v *optionValue) Type() string   { return v.flag.Kind }
func (v *optionValue) Set(text string) error {
	var scratch search.Options
	if err := v.flag.Set(&scratch, text); err != nil {
		return err
	}
	v.text = text
	v.o.changed = append(v.o.changed, change{v.flag, text})
	return nil
}

func newSearchCommand(a *app) *cobra.Command {
	var o searchOptions
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
	f.StringVarP(&o.out, "output", "o", "", "folder of the search, made if missing")
	o.data.add(cmd, f)
	f.StringVar(&o.preset, "preset", "small", "options to begin with: "+orList(search.PresetNames()))
	f.BoolVar(&o.resume, "resume", false, "go on with the search in the folder")
	f.BoolVar(&o.restart, "restart", false, "begin again, over the search in the folder")
	f.IntVar(&o.threads, "threads", 0, "threads that compute, 0 for all")
	f.DurationVar(&o.every, "checkpoint-every", 2*time.Minute, "write the state at least this often, beside every epoch's end")
	f.StringVar(&o.table, "cost-table", "", "latencies for --cost latency (bench --table writes them)")
	small := search.Presets["small"]
	for _, flag := range search.Flags {
		f.VarPF(&optionValue{o: &o, flag: flag, text: flag.Text(&small)}, flag.Name, "", flag.Usage)
	}
	nameArguments(f, "output", "FOLDER", "preset", "NAME", "threads", "N", "checkpoint-every", "TIME", "cost-table", "FILE")
	completeWith(cmd, "preset", search.PresetNames())
	completeWith(cmd, "cost", search.CostNames)
	return cmd
}

func (o *searchOptions) options() (search.Options, error) {
	s, ok := search.Presets[o.preset]
	if !ok {
		return s, usagef("--preset %s: want %s", o.preset, orList(search.PresetNames()))
	}
	for _, c := range o.changed {
		if err := c.flag.Set(&s, c.text); err != nil {
			return s, usageError{err}
		}
	}
	check := s
	check.Classes = 2 // the data's are not known yet
	if err := check.Validate(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

func (o *searchOptions) run(ctx context.Context, a *app) error {
	if o.out == "" {
		return usagef("search needs a folder to write to: -o FOLDER")
	}
	if o.threads < 0 {
		return usagef("--threads %d: want 0 (all) or more", o.threads)
	}
	if o.resume && o.restart {
		return usagef("--resume goes on, --restart begins again: give one of them")
	}
	options, err := o.options()
	if err != nil {
		return err
	}
	checkpoint := filepath.Join(o.out, checkpointFile)
	switch _, err := os.Stat(checkpoint); {
	case err == nil && !o.resume && !o.restart:
		return fmt.Errorf("%s: a search is here already; --resume goes on with it, --restart begins again", o.out)
	case errors.Is(err, fs.ErrNotExist) && o.resume:
		return fmt.Errorf("%s: there is no search to resume", checkpoint)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	threads := o.threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var table *search.CostTable
	if o.table != "" {
		if table, err = search.ReadCostTable(o.table, options.Levels); err != nil {
			return err
		}
	}
	data, err := o.data.open(a, options, threads)
	if err != nil {
		return err
	}
	var s *search.Search
	if o.resume {
		s, err = search.Resume(checkpoint, options, data, table, threads)
	} else {
		s, err = search.New(options, data, table, threads)
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
	a.printf("Next:  autodeeplab compile %s -o net.onnx\n", arch)
	return nil
}

func percent(x float64) string {
	if x < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.2f %%", 100*x)
}

// searchView shows a search as it goes on: a bar on a terminal, a line an epoch elsewhere.
type searchView struct {
	a       *app
	s       *search.Search
	bar     *progressbar.ProgressBar
	images  int
	seconds float64
}

func newSearchView(a *app, s *search.Search) *searchView {
	v := &searchView{a: a, s: s}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		v.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(f), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount())
	}
	return v
}

func (v *searchView) step(i search.StepInfo) {
	v.images += i.Images
	v.seconds += i.Took.Seconds()
	if v.bar == nil {
		return
	}
	all := v.s.Options().Epochs * i.Steps
	if v.bar.GetMax() != all {
		v.bar.ChangeMax(all)
		_ = v.bar.Set(i.Epoch*i.Steps + i.Step)
	}
	h := v.s.History()
	text := fmt.Sprintf("loss %.3f", i.Loss)
	if len(h) > 0 {
		last := h[len(h)-1]
		text += fmt.Sprintf("  mIoU %s  entropy α %.2f β %.2f", percent(lastMIoU(h)), last.AlphaEntropy, last.BetaEntropy)
	}
	v.bar.Describe(fmt.Sprintf("epoch %d/%d  %s  %.1f images/s", i.Epoch+1, v.s.Options().Epochs, text, float64(v.images)/v.seconds))
	_ = v.bar.Add(1)
}

func lastMIoU(h []search.Record) float64 {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].MIoU >= 0 {
			return h[i].MIoU
		}
	}
	return -1
}

func (v *searchView) validating(done, all int) {
	if v.bar != nil {
		v.bar.Describe(fmt.Sprintf("validating %d/%d", done, all))
	}
}

func (v *searchView) epoch(r search.Record) {
	clearBar(v.bar)
	text := fmt.Sprintf("epoch %d/%d  loss %.4f", r.Epoch, v.s.Options().Epochs, r.Loss)
	if r.ArchLoss > 0 {
		text += fmt.Sprintf("  (half B %.4f)", r.ArchLoss)
	}
	if r.MIoU >= 0 {
		text += "  mIoU " + percent(r.MIoU)
	}
	if r.Cost > 0 {
		text += fmt.Sprintf("  cost %.3f", r.Cost)
	}
	v.a.printf("%s  entropy α %.3f β %.3f  path %v  %.1f images/s\n", text, r.AlphaEntropy, r.BetaEntropy, r.Path, float64(v.images)/max(v.seconds, 1e-9))
}

func (v *searchView) warn(text string) {
	clearBar(v.bar)
	v.a.complain("warning: " + text)
}

func (v *searchView) close() { clearBar(v.bar) }

// dataFlags say which images and labels to use.
type dataFlags struct {
	folder, layout string
}

func (d *dataFlags) add(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&d.folder, "data", "", "folder of images and labels")
	f.StringVar(&d.layout, "layout", "", "how the folder is laid out, as data check --help lists it (default: the one that fits)")
	nameArguments(f, "data", "FOLDER", "layout", "NAME")
	completeWith(cmd, "layout", dataset.Layouts())
}

// open reads and checks the data set of a search.
func (d *dataFlags) open(a *app, o search.Options, threads int) (search.Data, error) {
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
