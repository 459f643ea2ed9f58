package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/imageio"
)

// fits is what --fit knows, the default first.
var fits = []string{"tile", "shrink"}

// splits is what --split knows, the default first.
var splits = []struct {
	name    string
	samples func(*dataset.Set) []dataset.Sample
}{
	{"val", func(s *dataset.Set) []dataset.Sample { return s.Val }},
	{"train", func(s *dataset.Set) []dataset.Sample { return s.Train }},
}

func splitNames() []string {
	names := make([]string, len(splits))
	for i, s := range splits {
		names[i] = s.name
	}
	return names
}

type evalOptions struct {
	data                                       dataFlags
	split, engine, fit, save, saveFormat, file string
	scales                                     scalesFlag
	window                                     windowFlag
	flip, anyNames, json                       bool
	overlap, tolerance                         float64
	threads                                    int
}

func newEvalCommand(a *app) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval NET.onnx --data FOLDER",
		Short: "Measure a network on labelled pictures: mIoU and other scores, class by class",
		Long: `eval segments the pictures of a data set with a network and compares the masks, at the pictures' own
size, with the labels. It prints the IoU, accuracy and boundary F-score of every class, and over all: mIoU,
pixel accuracy, mean accuracy, frequency-weighted IoU, mean boundary F. All are of one confusion matrix over
the whole split, but for boundary F (Csurka et al. 2013), a mean over pictures. Pixels to be ignored do not
count; classes of which the labels have no pixel are left out of the means, and named.

A network of dynamic size gets each picture whole, or in windows (--window); one of fixed size gets windows
of its size, smaller pictures being padded with grey, or pictures shrunk to fit as run does (--fit shrink).
Where windows overlap, and over --scales and --flip, probabilities are averaged (after softmax). Networks
that give labels instead of scores are tiled, but not averaged.

--save writes the masks as a benchmark's server wants them:
  cityscapes  ` + evaluate.Formats[0].About + `
  voc         ` + evaluate.Formats[1].About + `
  index       ` + evaluate.Formats[2].About,
		Example: `  autodeeplab eval net.onnx --data camvid/
  autodeeplab eval net.onnx --data cityscapes/ --scales paper --flip --window 769x769 --save masks/
  autodeeplab eval net.onnx --data camvid/ --engine onnxruntime --json -o net.json`,
		Args: arguments(1, 1, "one network"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.eval(cmd.Context(), args[0], &o) },
	}
	f := cmd.Flags()
	o.data.add(cmd, f)
	f.StringVar(&o.split, "split", splits[0].name, "part of the data: "+orList(splitNames()))
	f.StringVarP(&o.file, "output", "o", "", "also write the result as JSON, with the confusion matrix, to this file")
	f.BoolVar(&o.json, "json", false, "print that JSON instead of the table")
	f.Var(&o.scales, "scales", "sizes at which pictures are seen, as factors of their own, or "+paperScales+" for 0.5,0.75,…,1.75")
	f.BoolVar(&o.flip, "flip", false, "see every view mirrored, too")
	f.Var(&o.window, "window", "what a network of dynamic size sees at a time, height first (default: a picture as a whole)")
	f.Float64Var(&o.overlap, "overlap", 0.25, "overlap of windows as a share of their size")
	f.StringVar(&o.fit, "fit", fits[0], "how pictures larger than a fixed input go in: "+orList(fits))
	f.Float64Var(&o.tolerance, "boundary-tolerance", evaluate.DefaultBoundaryTolerance, "distance for boundary F as a share of the diagonal, 0 to leave it out")
	f.StringVar(&o.save, "save", "", "folder to write the masks to, made if missing")
	f.StringVar(&o.saveFormat, "save-format", "", "how: "+orList(evaluate.FormatNames())+" (default: the one for the data's classes)")
	f.StringVar(&o.engine, "engine", engines[0].name, "what runs the network: "+orList(engineNames()))
	f.IntVar(&o.threads, "threads", 0, "threads to run on, 0 for all")
	f.BoolVar(&o.anyNames, "any-class-names", false, "take the network's classes for the data's, whatever they are called")
	nameArguments(f, "split", "NAME", "output", "FILE", "scales", "LIST", "window", "HxW", "overlap", "X", "fit", "NAME", "boundary-tolerance", "X",
		"save", "DIR", "save-format", "NAME", "engine", "NAME", "threads", "N")
	completeWith(cmd, "split", splitNames())
	completeWith(cmd, "fit", fits)
	completeWith(cmd, "save-format", evaluate.FormatNames())
	completeWith(cmd, "engine", engineNames())
	return cmd
}

// samples opens the data set and picks the split.
func (o *evalOptions) samples() (*dataset.Set, []dataset.Sample, error) {
	for _, s := range splits {
		if s.name != o.split {
			continue
		}
		set, err := dataset.Open(o.data.folder, o.data.layout)
		if err != nil {
			return nil, nil, err
		}
		samples := s.samples(set)
		if len(samples) == 0 {
			return nil, nil, fmt.Errorf("%s: split %s has no pictures (--split)", o.data.folder, o.split)
		}
		return set, samples, nil
	}
	return nil, nil, usagef("--split %s: want %s", o.split, orList(splitNames()))
}

func (o *evalOptions) check() error {
	switch {
	case o.data.folder == "":
		return usagef("eval needs pictures and labels: --data FOLDER")
	case o.threads < 0:
		return usagef("--threads %d: want 0 (all) or more", o.threads)
	case o.fit != fits[0] && o.fit != fits[1]:
		return usagef("--fit %s: want %s", o.fit, orList(fits))
	case o.saveFormat != "" && o.save == "":
		return usagef("--save-format %s: no masks are written (--save DIR)", o.saveFormat)
	case o.file != "": // not found missing after hours
		_, err := stat(filepath.Dir(o.file))
		return err
	}
	return nil
}

func (a *app) eval(ctx context.Context, model string, o *evalOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	set, samples, err := o.samples()
	if err != nil {
		return err
	}
	each, err := o.saver(set, samples)
	if err != nil {
		return err
	}
	e, err := openEngine(o.engine)
	if err != nil {
		return err
	}
	n, err := a.openNetwork(model, e, o.threads, nil)
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.matches(set, o.anyNames); err != nil {
		return err
	}
	bar := a.progress(len(samples), "evaluating")
	start := time.Now()
	r, err := evaluate.Run(ctx, n.Session, set, samples, evaluate.Options{
		Scales: o.scales, Flip: o.flip, Window: evaluate.Size{Height: o.window.height, Width: o.window.width}, Overlap: o.overlap,
		Shrink: o.fit == "shrink", MaxSums: a.limits.Averages(), BoundaryTolerance: o.tolerance, Threads: o.threads, Each: each,
		Progress: func(done, _ int) {
			if bar != nil {
				_ = bar.Set(done)
			}
		},
	})
	clearBar(bar)
	switch {
	case errors.Is(err, evaluate.ErrOptions):
		return usageError{fmt.Errorf("%s: %w", model, err)}
	case err != nil:
		return err
	}
	return a.tell(newEvaluation(n, set, o, r), o, time.Since(start))
}

// saver makes what writes the masks; nil where none are wanted.
func (o *evalOptions) saver(set *dataset.Set, samples []dataset.Sample) (func(dataset.Sample, *imageio.Mask) error, error) {
	if o.save == "" {
		return nil, nil
	}
	format, err := evaluate.FormatFor(o.saveFormat, &set.Classes)
	if err != nil {
		return nil, usagef("--save-format: %w", err)
	}
	paths, err := format.Paths(o.save, samples)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{set.Dir, filepath.Dir(samples[0].Image), filepath.Dir(samples[0].Label)} {
		if same(p, o.save) {
			return nil, usagef("--save %s: masks would come among the data; want another folder", o.save)
		}
	}
	return func(s dataset.Sample, m *imageio.Mask) error {
		if err := makeDir(o.save); err != nil {
			return err
		}
		return format.Write(paths[s.Name], m, &set.Classes)
	}, nil
}

// matches refuses a network whose classes, as far as its metadata name them, are not those of the data.
func (n *network) matches(set *dataset.Set, anyNames bool) error {
	return matchClasses(n.path, n.Session.Metadata(), n.Classes, n.classes.ClassNames, set, anyNames)
}

// matchClasses is matches for a network of these metadata: count classes as its output shows, 0 where it does not, which
// messages call shown.
func matchClasses(path string, metadata map[string]string, count int, shown []string, set *dataset.Set, anyNames bool) error {
	const advice = "a network must be made for the classes that it is measured on"
	names, _, err := compile.Classes(metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	want := set.Classes.ClassNames
	count = max(count, len(names))
	switch {
	case count != 0 && count != len(want):
		return fmt.Errorf("%s: the model has %d classes (%s), the data of %s %d (%s): %s", path, count, some(shown), set.Dir, len(want), some(want), advice)
	case anyNames:
		return nil
	}
	for i, name := range names {
		if plainName(name) != plainName(want[i]) {
			return fmt.Errorf("%s: class %d is %q in the model, %q in the data of %s: %s (--any-class-names takes them for the same)", path, i, name, want[i], set.Dir, advice)
		}
	}
	return nil
}

// plainName leaves out how a name is spelled.
func plainName(name string) string {
	return strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// some lists the first of many names.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", …"
}

// tell prints the evaluation, and writes it.
func (a *app) tell(e *evaluation, o *evalOptions, took time.Duration) error {
	text, err := jsonText(e)
	if err != nil {
		return err
	}
	if o.file != "" {
		if err := atomicfile.WriteBytes(o.file, text); err != nil {
			return err
		}
	}
	if o.json {
		a.stdout.Write(text)
		return nil
	}
	e.print(a)
	a.printf("%d pictures in %.1f s, %.2f a second\n", e.Images, took.Seconds(), float64(e.Images)/max(took.Seconds(), 1e-9))
	if o.save != "" {
		a.printf("masks → %s\n", o.save)
	}
	return nil
}
