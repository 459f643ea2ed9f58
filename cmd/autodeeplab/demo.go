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
	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/onnx"
	"autodeeplab/search"
	"autodeeplab/train"
)

// demoSize is how much the demo does.
type demoSize struct {
	images        int
	size          string // of the painted scenes
	search, train string // further flags of the two
	filters       int
}

// demoSizes are the whole demo, and the quick one, which shows that everything works and learns next to nothing.
var demoSizes = map[bool]demoSize{
	false: {
		images: 200, size: "96x128", filters: 4,
		search: "--layers 4 --blocks 2 --filters 4 --levels 3 --epochs 8 --arch-epoch 3 --batch 4 --crops 65 --scale 1 --validate-every 4 --validate-images 20",
		train:  "--crop 65x97 --batch 4 --epochs 16 --validate-every 4 --decay 4e-5",
	},
	true: {
		images: 10, size: "36x48", filters: 1,
		search: "--layers 2 --blocks 1 --filters 2 --levels 2 --epochs 2 --arch-epoch 1 --batch 1 --crops 17 --scale 1",
		train:  "--crop 17x25 --batch 2 --epochs 2 --validate-every 1",
	},
}

func newDemoCommand(a *app) *cobra.Command {
	out, quick, seed := "demo", false, uint64(1)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Search, decode, train, compile and run a network once, in miniature, on painted scenes",
		Long: `demo goes the whole way once, on scenes that it paints: it searches an architecture, decodes and draws it,
trains its network from random weights, compiles it and lets it see a scene that it has not been trained
on. It takes a few minutes on two cores and needs no other file and no internet. Each line that begins with
$ is a command that could be typed; all results lie in the folder of -o, from ` + reportFile + ` on.`,
		Example: `  autodeeplab demo
  autodeeplab demo -o pictures/ --quick`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d := &demo{app: a, dir: out, seed: seed, demoSize: demoSizes[quick], began: time.Now()}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", out, "folder for the results, made if missing")
	cmd.Flags().BoolVar(&quick, "quick", false, "a few steps of everything, in seconds, of which nothing is learned")
	cmd.Flags().Uint64Var(&seed, "seed", seed, "seed of the scenes, the search and the training")
	nameArguments(cmd.Flags(), "output", "DIR", "seed", "N")
	return cmd
}

// demo is one under way.
type demo struct {
	*app
	dir  string
	seed uint64
	demoSize
	began time.Time
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// say heads a part.
func (d *demo) say(format string, args ...any) {
	d.printf("\n%5.1f s  "+format+"\n", append([]any{time.Since(d.began).Seconds()}, args...)...)
}

// command runs a command line as if it had been typed.
func (d *demo) command(ctx context.Context, name string, args ...string) error {
	line := append(strings.Fields(name), args...)
	d.printf("$ autodeeplab %s\n", strings.Join(line, " "))
	root := newRoot(d.app)
	root.SetArgs(line)
	return root.ExecuteContext(ctx)
}

func (d *demo) run(ctx context.Context) error {
	scenes, found, trained := d.path("scenes"), d.path("found"), d.path("trained")
	arch, net, seed := d.path(architectureFile), d.path("net.onnx"), fmt.Sprint(d.seed)
	photo := filepath.Join(scenes, "images", "val", "00000.jpg")
	var before train.Score
	for _, part := range []struct {
		title string
		run   func() error
	}{
		{"Scenes to learn from", func() error {
			return d.command(ctx, "data synthesize", "-o", scenes, "--images", fmt.Sprint(d.images), "--size", d.demoSize.size, "--seed", seed)
		}},
		{"Search: which operators, which resolutions?", func() error {
			return d.command(ctx, "search --restart", append([]string{"--data", scenes, "--seed", seed, "-o", found}, strings.Fields(d.search)...)...)
		}},
		{"Decode what the search learned to an architecture", func() error {
			return d.command(ctx, "decode", filepath.Join(found, relaxationFile), "--top", "1", "--name", "demo", "-o", arch)
		}},
		{"Draw it", func() error { return d.command(ctx, "draw", arch, "-o", d.dir) }},
		{"Train its network from random weights", func() (err error) {
			if before, err = d.untrained(ctx, scenes, arch); err != nil {
				return err
			}
			d.printf("before training it finds the classes of the validation scenes with a mIoU of %s\n", percent(before.MIoU))
			return d.command(ctx, "train", append([]string{arch, "--restart", "--filters", fmt.Sprint(d.filters), "--data", scenes, "--seed", seed, "-o", trained}, strings.Fields(d.train)...)...)
		}},
		{"Compile the best of it: batch normalisation folded, ready to run", func() error {
			return d.command(ctx, "compile", filepath.Join(trained, bestFile), "-o", net)
		}},
		{"Run it on a scene that it has not seen", func() error { return d.command(ctx, "run", net, photo, "-o", d.dir) }},
	} {
		d.say("%s", part.title)
		if err := part.run(); err != nil {
			return err
		}
	}
	return d.finish(found, trained, photo, before)
}

// options are those of the train command that the demo runs.
func (d *demo) options() (train.Options, error) {
	o := train.Presets["small"]
	o.Seed = d.seed
	words := strings.Fields(d.train)
	for i := 0; i+1 < len(words); i += 2 {
		for _, f := range train.Flags {
			if "--"+f.Name == words[i] {
				if err := f.Set(&o, words[i+1]); err != nil {
					return o, err
				}
			}
		}
	}
	return o, o.Validate()
}

// untrained measures the network that training begins with.
func (d *demo) untrained(ctx context.Context, scenes, arch string) (train.Score, error) {
	o, err := d.options()
	if err != nil {
		return train.Score{}, err
	}
	set, err := dataset.Open(scenes, "")
	if err != nil {
		return train.Score{}, err
	}
	a, err := decode.ReadFile(arch)
	if err != nil {
		return train.Score{}, err
	}
	m, err := compile.Compile(a, compile.Options{Filters: d.filters, Classes: set.Classes.Len(), Height: o.Crop.Height, Width: o.Crop.Width, Batch: 1, Seed: o.Seed})
	if err != nil {
		return train.Score{}, err
	}
	return (&train.Validator{Set: set, Options: o}).Validate(ctx, m)
}

// finish writes the page of the whole and says what to look at.
func (d *demo) finish(found, trained, photo string, before train.Score) error {
	s, err := search.ReadSummary(filepath.Join(found, checkpointFile))
	if err != nil {
		return err
	}
	decoding, err := s.Relaxation.Decode(decode.DecodeOptions{Top: reportPaths, Name: "demo"})
	if err != nil {
		return err
	}
	t, err := train.ReadSummary(filepath.Join(trained, checkpointFile))
	if err != nil {
		return err
	}
	page, err := trainPage(t, trained)
	if err != nil {
		return err
	}
	searched := searchPage(s.Options, s.History, s.Relaxation, decoding)
	page.Title = "Demo: an architecture is searched, its network trained"
	page.Search = searched.Search
	for i := range page.Charts {
		page.Charts[i].Title = "Training: " + page.Charts[i].Title
	}
	for _, c := range searched.Charts {
		c.Title = "Search: " + c.Title
		page.Charts = append(page.Charts, c)
	}
	page.Options = nil // those of two programs; their own pages have them
	if t.Best == 0 {
		return errors.New("the training has validated nothing") // unreachable: an epoch's end at least does
	}
	best := t.History[t.Best-1]
	line := fmt.Sprintf("mIoU on scenes that it has not been trained on: %s before training, %s after epoch %d.", percent(before.MIoU), percent(best.MIoU), best.Epoch)
	page.Lines = []string{line}
	path := d.path(reportFile)
	if err := atomicfile.Write(path, page.WriteHTML); err != nil {
		return err
	}
	m, err := onnx.Load(d.path("net.onnx"), onnx.LoadOptions{})
	if err != nil {
		return err
	}
	base := d.path(strings.TrimSuffix(filepath.Base(photo), filepath.Ext(photo)))
	d.say("%s", line)
	d.printf("network   %s (%s)\noverlay   %s of %s\nreport    %s\n", d.path("net.onnx"), describe(m), base+overlayEnding, photo, path)
	d.printf("Try your own picture:  autodeeplab run %s photo.jpg -o %s\n", d.path("net.onnx"), d.dir)
	return nil
}
