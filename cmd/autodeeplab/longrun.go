package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"autodeeplab/dataset"
	"autodeeplab/internal/option"
)

// Files of what takes hours, a search or a training, in its folder.
const (
	checkpointFile = "checkpoint.safetensors"
	logFile        = "log.csv"
	reportFile     = "report.html"
)

// longRun is where such a thing keeps its state, and whether it begins or goes on.
type longRun struct {
	out             string
	resume, restart bool
	threads         int
	every           time.Duration
}

// add adds its flags; what is "search" or "training".
func (l *longRun) add(f *pflag.FlagSet, what string) {
	f.StringVarP(&l.out, "output", "o", "", "folder of the "+what+", made if missing")
	f.BoolVar(&l.resume, "resume", false, "go on with the "+what+" in the folder")
	f.BoolVar(&l.restart, "restart", false, "begin again, over the "+what+" in the folder")
	f.IntVar(&l.threads, "threads", 0, "threads that compute, 0 for all")
	f.DurationVar(&l.every, "checkpoint-every", 2*time.Minute, "write the state at least this often, beside every epoch's end")
	nameArguments(f, "output", "FOLDER", "threads", "N", "checkpoint-every", "TIME")
}

// check refuses what cannot be meant, and sets threads to a number.
func (l *longRun) check(command string) error {
	switch {
	case l.out == "":
		return usagef("%s needs a folder to write to: -o FOLDER", command)
	case l.threads < 0:
		return usagef("--threads %d: want 0 (all) or more", l.threads)
	case l.resume && l.restart:
		return usagef("--resume goes on, --restart begins again: give one of them")
	case l.every < 0:
		return usagef("--checkpoint-every %v: want 0 or more", l.every)
	case l.threads == 0:
		l.threads = runtime.GOMAXPROCS(0)
	}
	return nil
}

// checkpoint gives the path of the state, which must be there to resume and not be there to begin.
func (l *longRun) checkpoint(what string) (string, error) {
	path := filepath.Join(l.out, checkpointFile)
	switch _, err := os.Stat(path); {
	case err == nil && !l.resume && !l.restart:
		return "", fmt.Errorf("%s: a %s is here already; --resume goes on with it, --restart begins again", l.out, what)
	case errors.Is(err, fs.ErrNotExist) && l.resume:
		return "", fmt.Errorf("%s: there is no %s to resume", path, what)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return path, nil
}

// presetFlags are options O that begin with a preset and are changed one by one.
type presetFlags[O any] struct {
	preset  string
	presets map[string]O
	names   []string
	changed []func(*O) error
}

// add adds --preset and a flag for each option; help shows what preset shown makes them.
func (p *presetFlags[O]) add(cmd *cobra.Command, f *pflag.FlagSet, flags []option.Flag[O], shown string) {
	f.StringVar(&p.preset, "preset", shown, "options to begin with: "+orList(p.names))
	example := p.presets[shown]
	for _, flag := range flags {
		f.VarPF(&optionValue[O]{p: p, flag: flag, text: flag.Text(&example)}, flag.Name, "", flag.Usage)
	}
	nameArguments(f, "preset", "NAME")
	completeWith(cmd, "preset", p.names)
}

// options gives the preset with all changes, not yet checked.
func (p *presetFlags[O]) options() (O, error) {
	o, ok := p.presets[p.preset]
	if !ok {
		return o, usagef("--preset %s: want %s", p.preset, orList(p.names))
	}
	for _, change := range p.changed {
		if err := change(&o); err != nil {
			return o, usageError{err}
		}
	}
	return o, nil
}

// optionValue is the pflag.Value of one option.
type optionValue[O any] struct {
	p    *presetFlags[O]
	flag option.Flag[O]
	text string
}

func (v *optionValue[O]) String() string { return v.text }
func (v *optionValue[O]) Type() string   { return v.flag.Kind }
func (v *optionValue[O]) Set(text string) error {
	var scratch O
	if err := v.flag.Set(&scratch, text); err != nil {
		return err
	}
	v.text = text
	v.p.changed = append(v.p.changed, func(o *O) error { return v.flag.Set(o, text) })
	return nil
}

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

// epochView shows something that goes on for epochs: a bar on a terminal, a line an epoch elsewhere.
type epochView struct {
	a       *app
	epochs  int
	bar     *progressbar.ProgressBar
	images  int
	seconds float64
}

func newEpochView(a *app, epochs int) *epochView {
	v := &epochView{a: a, epochs: epochs}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		v.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(f), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount())
	}
	return v
}

// step follows a step, counted from 0 as the epoch is, of so many in an epoch.
func (v *epochView) step(epoch, step, steps, images int, took time.Duration, text func() string) {
	v.images += images
	v.seconds += took.Seconds()
	if v.bar == nil {
		return
	}
	if all := v.epochs * steps; v.bar.GetMax() != all {
		v.bar.ChangeMax(all)
		_ = v.bar.Set(epoch*steps + step)
	}
	v.bar.Describe(fmt.Sprintf("epoch %d/%d  %s  %.1f images/s", epoch+1, v.epochs, text(), v.speed()))
	_ = v.bar.Add(1)
}

// speed is how many images a second the steps so far took.
func (v *epochView) speed() float64 { return float64(v.images) / max(v.seconds, 1e-9) }

func (v *epochView) validating(done, all int) {
	if v.bar != nil {
		v.bar.Describe(fmt.Sprintf("validating %d/%d", done, all))
	}
}

// line prints what an epoch came to.
func (v *epochView) line(epoch int, text string) {
	clearBar(v.bar)
	v.a.printf("epoch %d/%d  %s  %.1f images/s\n", epoch, v.epochs, text, v.speed())
}

func (v *epochView) warn(text string) {
	clearBar(v.bar)
	v.a.complain("warning: " + text)
}

func (v *epochView) close() { clearBar(v.bar) }

func percent(x float64) string {
	if x < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.2f %%", 100*x)
}
