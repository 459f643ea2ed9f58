package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
)

// What the names of results end in.
const (
	maskEnding    = "_mask.png"
	overlayEnding = "_overlay.png"
	reportEnding  = ".json"
)

type runOptions struct {
	out, engine, dataset string
	threads, maxSide     int
	alpha                float64
	recursive, keepGoing bool
}

func newRunCommand(a *app) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run NET.onnx PICTURE... -o DIR",
		Short: "Segment pictures: a mask, an overlay and the classes' shares for each",
		Long: `run segments pictures with a network. PICTURE is a file (PNG, JPEG, WebP, BMP or TIFF, turned
upright as its EXIF data say) or a folder, which stands for every picture in it.

For each NAME.jpg it writes into DIR, at the picture's own size:
  NAME_mask.png     a PNG with a palette, whose pixel values are the class ids
  NAME_overlay.png  the picture tinted with the classes' colours
  NAME.json         the classes found: id, name, pixels, share

A network with a fixed input gets the picture shrunk to fit, never enlarged, and padded with grey; a
dynamic one gets it at its own size, or at most --max-side. Class names and colours are those of
--dataset, else those that the network's metadata name, else numbers.

The engine runtime is built in. onnxruntime needs ONNX Runtime's library, which scripts/onnxruntime.sh
gets; "autodeeplab version" says whether it is there.`,
		Example: `  autodeeplab run net.onnx photo.jpg -o out/
  autodeeplab run net.onnx photos/ -o masks/ --keep-going
  autodeeplab run deeplab.onnx photo.jpg -o out/ --engine onnxruntime --dataset voc --alpha 0.7`,
		Args: arguments(2, -1, "a network and one or more pictures or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd.Context(), args[0], args[1:], o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "folder for the results, made if missing")
	f.StringVar(&o.engine, "engine", engines[0].name, "what runs the network: "+orList(engineNames()))
	f.StringVar(&o.dataset, "dataset", "", "take the classes' names and colours from "+orList(dataset.Names()))
	f.IntVar(&o.threads, "threads", 0, "threads to run on, 0 for all")
	f.IntVar(&o.maxSide, "max-side", 0, "longest side in pixels that a network with a dynamic input gets, 0 for no limit")
	f.Float64Var(&o.alpha, "alpha", 0.5, "strength of the overlay's colours, 0 to 1")
	f.BoolVar(&o.recursive, "recursive", false, "look into the subfolders of folders, too")
	f.BoolVar(&o.keepGoing, "keep-going", false, "go on after a picture that fails; exit 1 at the end")
	nameArguments(f, "output", "DIR", "engine", "NAME", "dataset", "NAME", "threads", "N", "max-side", "N", "alpha", "X")
	completeWith(cmd, "engine", engineNames())
	completeWith(cmd, "dataset", dataset.Names())
	return cmd
}

func (o *runOptions) check() (*dataset.Classes, error) {
	switch {
	case o.out == "":
		return nil, usagef("run needs a folder for the results: -o DIR")
	case o.threads < 0:
		return nil, usagef("--threads %d: want 0 (all) or more", o.threads)
	case o.maxSide < 0:
		return nil, usagef("--max-side %d: want 0 (no limit) or more", o.maxSide)
	case !(o.alpha >= 0 && o.alpha <= 1):
		return nil, usagef("--alpha %g: want 0 to 1", o.alpha)
	case o.dataset == "":
		return nil, nil
	}
	c, err := dataset.ByName(o.dataset)
	if err != nil {
		return nil, usagef("--dataset: %w", err)
	}
	return c, nil
}

func (a *app) run(ctx context.Context, model string, paths []string, o runOptions) error {
	classes, err := o.check()
	if err != nil {
		return err
	}
	e, err := openEngine(o.engine)
	if err != nil {
		return err
	}
	jobs, err := collect(paths, o.out, o.recursive)
	if err != nil {
		return err
	}
	n, err := a.openNetwork(model, e, o.threads, classes)
	if err != nil {
		return err
	}
	defer n.close()
	bar := a.progress(len(jobs), "segmenting")
	failed := 0
	for _, j := range jobs {
		r, err := a.runOne(ctx, n, j, o)
		switch {
		case err == nil && bar == nil:
			a.printf("%s\n", r.line(j))
		case err != nil && (!o.keepGoing || ctx.Err() != nil):
			clearBar(bar)
			return err
		case err != nil:
			failed++
			clearBar(bar)
			a.complain(err.Error())
		}
		if bar != nil {
			_ = bar.Add(1)
		}
	}
	clearBar(bar)
	if failed > 0 {
		return fmt.Errorf("%d of %d pictures failed", failed, len(jobs))
	}
	if bar != nil {
		a.printf("%d pictures → %s\n", len(jobs), o.out)
	}
	return nil
}

// runOne segments one picture and writes its three files.
func (a *app) runOne(ctx context.Context, n *network, j job, o runOptions) (*finding, error) {
	p, err := imageio.ReadFile(j.photo, a.limits.Pixels())
	if err != nil {
		return nil, err
	}
	r, m, err := n.find(ctx, p, o.maxSide)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", j.photo, err)
	}
	r.Image = j.photo
	if err := makeDir(filepath.Dir(j.base)); err != nil {
		return nil, err
	}
	return r, r.write(j.base, p, m, n.classes.FullPalette(), o.alpha)
}

// progress is a bar on a terminal, if there is more than one picture to wait for; else nil.
func (a *app) progress(pictures int, doing string) *progressbar.ProgressBar {
	f, ok := a.stderr.(*os.File)
	if !ok || pictures < 2 || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return newBar(f, pictures, doing)
}

func newBar(w io.Writer, pictures int, doing string) *progressbar.ProgressBar {
	return progressbar.NewOptions(pictures,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetRenderBlankState(true),
	)
}

func clearBar(bar *progressbar.ProgressBar) {
	if bar != nil {
		_ = bar.Clear()
	}
}

// completeWith makes the shell complete a flag's value.
func completeWith(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // unreachable: the flag was defined a line above
	}
}
