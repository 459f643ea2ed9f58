package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/decode"
	"autodeeplab/decode/draw"
	"autodeeplab/fixtures"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/onnx"
	"autodeeplab/runtime"
)

func newDemoCommand(a *app) *cobra.Command {
	out, size := "demo", sizeFlag{513, 513}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Compile, run and draw the published network once, on a picture that is built in",
		Long: `demo compiles Auto-DeepLab-S for the classes of Cityscapes, runs it on a picture that is built in, and
draws the network. It needs no other file and no internet. The weights are random, from a seed, with batch
statistics measured on the picture: what it shows is that everything works, not what a trained network sees.`,
		Example: `  autodeeplab demo
  autodeeplab demo -o pictures/ --input-size 257x257`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.demo(cmd.Context(), out, size) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", out, "folder for the results, made if missing")
	cmd.Flags().Var(&size, "input-size", "the network's input in pixels, height first, or "+dynamic+"; smaller is faster")
	nameArguments(cmd.Flags(), "output", "DIR")
	return cmd
}

func (a *app) demo(ctx context.Context, dir string, size sizeFlag) error {
	start := time.Now()
	step := func(format string, args ...any) {
		a.printf("%5.1f s  "+format+"\n", append([]any{time.Since(start).Seconds()}, args...)...)
	}
	arch := decode.Published()
	if least := compile.MinimumSide(arch); size.height != 0 && min(size.height, size.width) < least {
		return usagef("--input-size %s: want at least %dx%d", size.String(), least, least)
	}
	if err := makeDir(dir); err != nil {
		return err
	}
	photo, model := filepath.Join(dir, "street.jpg"), filepath.Join(dir, "auto-deeplab-s.onnx")
	if err := atomicfile.WriteBytes(photo, fixtures.SampleJPEG); err != nil {
		return err
	}
	step("sample picture       %s", photo)

	classes, err := dataset.ByName("cityscapes")
	if err != nil {
		return err
	}
	step("compiling Auto-DeepLab-S (%s, %d classes) and measuring batch statistics …", size.String(), classes.Len())
	training, err := a.buildTraining(ctx, arch, compile.Options{
		Filters: compile.Sizes[0].Filters, Classes: classes.Len(), Height: size.height, Width: size.width, Batch: 1, Seed: 1,
		Dataset: classes.Name, ClassNames: classes.ClassNames, Palette: classes.Palette,
	}, photo, 0)
	if err != nil {
		return err
	}
	m, err := compile.Deploy(training, compile.DeployOptions{})
	if err != nil {
		return err
	}
	if err := onnx.Save(model, m, onnx.SaveOptions{}); err != nil {
		return err
	}
	step("network              %s (%s)", model, describe(m))

	n, err := a.openNetwork(model, runtime.Embedded, 0, nil)
	if err != nil {
		return err
	}
	defer n.close()
	j := job{photo: photo, base: filepath.Join(dir, "street")}
	r, err := a.runOne(ctx, n, j, runOptions{alpha: 0.5})
	if err != nil {
		return err
	}
	step("mask                 %s", j.base+maskEnding)
	step("overlay              %s", j.base+overlayEnding)
	step("shares               %s (%s)", j.base+reportEnding, r.top(3))

	figures, err := drawFigures(arch, dir, figureFormats, draw.DefaultDPI)
	if err != nil {
		return err
	}
	for _, path := range figures {
		step("figure               %s", path)
	}
	a.printf("\nThe weights are random (seed 1), so the classes in the mask mean nothing yet: search and training are the next\nstages. Try your own picture:  autodeeplab run %s photo.jpg -o %s\n", model, dir)
	return nil
}
