package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/train"
)

// Further files of a training.
const (
	trainedFile = "trained.onnx"
	bestFile    = "best.onnx"
)

type trainOptions struct {
	longRun
	presetFlags[train.Options]
	data             dataFlags
	size             string
	filters          int
	initFrom         string
	skipBad          bool
	everySteps, show int
}

func newTrainCommand(a *app) *cobra.Command {
	o := trainOptions{presetFlags: presetFlags[train.Options]{presets: train.Presets, names: train.PresetNames()}}
	cmd := &cobra.Command{
		Use:   "train [ARCHITECTURE.json | NET.onnx] --data FOLDER -o FOLDER",
		Short: "Train an architecture, or a network that is there, on your own images",
		Long: `train trains the network of an architecture, from random weights, on a folder of images and labels; where
no architecture is named, that of the published Auto-DeepLab. An .onnx in training form goes on from the
weights that it has, and so does any other .onnx of operators that can be trained through.

The folder of -o gets the network at the end (` + trainedFile + `) and as it was when its mIoU on the
validation set was highest (` + bestFile + `), both in training form, which compile brings into the form
that is to run; the state of the training (` + checkpointFile + `), the log (` + logFile + `, and event files
for TensorBoard), predictions for some of the validation images and a report (` + reportFile + `), written
anew after every validation. A training that was stopped, by Ctrl-C or by anything else, goes on with
--resume to the very same bytes.

Every option comes from --preset unless it is given: paper is the training of the paper, small is for a CPU
and a data set of some hundred images, which it sees whole, shrunk to the crop.

--init-from takes the weights of another network of the same architecture, an .onnx in training form or the
state of another training; where its classes are others in number, the last layer begins at random.`,
		Example: `  autodeeplab train found/architecture.json --filters 8 --data camvid/ -o trained/
  autodeeplab train found/architecture.json --filters 8 --data camvid/ -o trained/ --resume
  autodeeplab train --preset paper --size S --data cityscapes/ --init-from coco/best.onnx -o trained/
  autodeeplab train net.onnx --data photos/ --rate 0.005 --freeze-bn true -o tuned/`,
		Args: arguments(0, 1, "at most one architecture or network"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, a, args) },
	}
	f := cmd.Flags()
	o.longRun.add(f, "training")
	o.data.add(cmd, f)
	f.StringVar(&o.size, "size", "S", "width of the network: S, M or L of the paper, which are 20, 32 and 48 filters")
	f.IntVar(&o.filters, "filters", 0, "width of the network as the paper's number of filters, in place of --size")
	f.StringVar(&o.initFrom, "init-from", "", "begin with the weights of this .onnx, or of this training's "+checkpointFile)
	f.BoolVar(&o.skipBad, "skip-bad", false, "leave out training images that cannot be read, with a warning")
	f.IntVar(&o.everySteps, "checkpoint-steps", 0, "also write the state after so many steps, 0 for not")
	f.IntVar(&o.show, "samples", 3, "validation images to draw the predictions of")
	o.presetFlags.add(cmd, f, train.Flags, "small")
	nameArguments(f, "size", "SIZE", "filters", "F", "init-from", "FILE", "checkpoint-steps", "N", "samples", "N")
	completeWith(cmd, "size", []string{"S", "M", "L"})
	completeWith(cmd, "validate-fit", train.Fits())
	return cmd
}

// check refuses what cannot be meant, before anything is read.
func (o *trainOptions) check() (train.Options, error) {
	if err := o.longRun.check("train"); err != nil {
		return train.Options{}, err
	}
	options, err := o.options()
	if err != nil {
		return options, err
	}
	if err := options.Validate(); err != nil {
		return options, usageError{err}
	}
	switch {
	case o.data.folder == "":
		return options, usagef("train needs images and labels: --data FOLDER")
	case o.everySteps < 0:
		return options, usagef("--checkpoint-steps %d: want 0 or more", o.everySteps)
	case o.show < 0 || o.show > maxSamples:
		return options, usagef("--samples %d: want 0 to %d", o.show, maxSamples)
	}
	return options, nil
}

func (o *trainOptions) run(cmd *cobra.Command, a *app, args []string) error {
	ctx := cmd.Context()
	options, err := o.check()
	if err != nil {
		return err
	}
	checkpoint, err := o.checkpoint("training")
	if err != nil {
		return err
	}
	set, err := dataset.Open(o.data.folder, o.data.layout)
	if err != nil {
		return err
	}
	model, err := o.model(a, cmd, args, options, set)
	if err != nil {
		return err
	}
	warnings := new(warnings)
	data, err := train.NewFolderData(set, options, train.DataOptions{Workers: o.threads, SkipBad: o.skipBad, Warn: warnings.add})
	if err != nil {
		return err
	}
	defer data.Close()
	a.printf("%s: %d training and %d validation images, %d classes\n", o.data.folder, len(set.Train), len(set.Val), set.Classes.Len())
	var t *train.Trainer
	if o.resume {
		t, err = train.Resume(checkpoint, options, model, data, o.threads)
	} else {
		t, err = train.New(options, model, data, o.threads)
	}
	if err != nil {
		if len(args) == 1 && !o.resume {
			err = fmt.Errorf("%s: %w", args[0], err)
		}
		return err
	}
	defer t.Close()
	if o.initFrom != "" && !o.resume {
		if err := o.initialise(a, t); err != nil {
			return err
		}
	}
	if err := makeDir(o.out); err != nil {
		return err
	}
	if !o.resume {
		if err := sweepTraining(o.out); err != nil {
			return err
		}
	}
	a.printf("%s: %.2f M weights, %d steps of %d images an epoch\n", o.out, float64(t.Count())/1e6, t.Steps(), options.Batch*options.Accumulate)
	// As in a search, nearly all memory stays.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	return o.train(ctx, a, t, set, checkpoint, warnings)
}

// sweepTraining removes what an earlier training left in the folder and would pass for this one's.
func sweepTraining(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, samplesFolder, "epoch-*.png"))
	if err != nil {
		return err
	}
	for _, path := range append(old, filepath.Join(dir, bestFile), filepath.Join(dir, trainedFile)) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// model gives the training form that is to be trained, for the crop and the classes of the data.
func (o *trainOptions) model(a *app, cmd *cobra.Command, args []string, options train.Options, set *dataset.Set) (*onnx.Model, error) {
	c := &set.Classes
	if len(args) == 0 || !isModel(args[0]) {
		arch, err := a.readArchitecture(args)
		if err != nil {
			return nil, err
		}
		n := networkFlags{size: o.size, filters: o.filters, classes: c.Len()}
		co, err := n.options(cmd)
		if err != nil {
			return nil, err
		}
		co.Height, co.Width, co.Batch, co.Seed = options.Crop.Height, options.Crop.Width, 1, options.Seed
		co.Classes, co.Dataset, co.ClassNames, co.Palette = c.Len(), c.Name, c.ClassNames, c.Palette
		m, err := compile.Compile(arch, co)
		if err != nil {
			err = fmt.Errorf("%w (the network's input is the crop, --crop)", err)
		}
		return m, err
	}
	for _, name := range []string{"size", "filters"} {
		if cmd.Flags().Changed(name) {
			return nil, usagef("--%s is for an architecture, but %s is a network, which keeps its width", name, args[0])
		}
	}
	m, err := a.load(args[0])
	if err == nil {
		m, err = tunable(m, options, c)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return m, nil
}

// tunable brings a network that is there to the crop, and to the names of the data's classes, of which it must have as many.
func tunable(m *onnx.Model, options train.Options, c *dataset.Classes) (*onnx.Model, error) {
	meta := onnx.Metadata(m)
	names, _, err := compile.Classes(meta)
	if err != nil {
		return nil, err
	}
	const advice = "train its architecture --init-from it, so that all but the last layer begins with its weights"
	if len(names) > 0 && len(names) != c.Len() {
		return nil, fmt.Errorf("the network has %d classes (%s), the data %d (%s): %s", len(names), some(names), c.Len(), some(c.ClassNames), advice)
	}
	for i, name := range names {
		if plainName(name) != plainName(c.ClassNames[i]) {
			return nil, fmt.Errorf("class %d is %q in the network, %q in the data: %s", i, name, c.ClassNames[i], advice)
		}
	}
	switch meta[compile.KeyForm] {
	case compile.TrainingForm.String():
		return compile.Training(m, compile.DeployOptions{Batch: 1, Height: compile.Axis(options.Crop.Height), Width: compile.Axis(options.Crop.Width),
			Dataset: c.Name, ClassNames: c.ClassNames, Palette: c.Palette})
	case compile.InferenceForm.String():
		return nil, fmt.Errorf("its batch normalisation is folded: want a training form (compile --form training, and what train writes)")
	}
	return m, compile.SetClasses(m, c.Name, c.ClassNames, c.Palette)
}

// initialise takes the weights of another network.
func (o *trainOptions) initialise(a *app, t *train.Trainer) error {
	left, err := t.InitFrom(o.initFrom)
	if err != nil {
		return fmt.Errorf("--init-from: %w", err)
	}
	if len(left) == 0 {
		a.printf("%s: all weights are taken\n", o.initFrom)
	} else {
		a.printf("%s: all weights are taken but those of another number of classes: %s\n", o.initFrom, strings.Join(left, ", "))
	}
	return nil
}

// train goes on to the end and writes what the folder gets.
func (o *trainOptions) train(ctx context.Context, a *app, t *train.Trainer, set *dataset.Set, checkpoint string, warnings *warnings) error {
	log, err := newTrainLog(o.out, t)
	if err != nil {
		return err
	}
	defer log.Close()
	view := newEpochView(a, t.Options().Epochs)
	said := func() {
		for _, text := range warnings.take() {
			view.warn(text)
			log.warnings = append(log.warnings, text)
		}
	}
	samples := newSampleWriter(o.out, o.show, set)
	validated := false // since the last save
	validator := &train.Validator{Set: set, Options: t.Options(), Threads: o.threads, Progress: view.validating}
	err = t.Run(ctx, train.Hooks{
		Step: func(i train.StepInfo) {
			said()
			view.step(i.Epoch, i.Step, i.Steps, i.Images, i.Took, func() string {
				text := fmt.Sprintf("loss %.3f", i.Loss)
				if b := t.Best(); b != nil {
					text += "  best mIoU " + percent(b.MIoU)
				}
				return text
			})
			log.step(i)
		},
		Validate: func(ctx context.Context, m *onnx.Model, epoch int) (train.Score, error) {
			chosen := samples.begin(epoch, len(validator.Samples()))
			validator.Each = func(i int, s dataset.Sample, p *imageio.Mask) error {
				if !chosen[i] {
					return nil
				}
				return samples.write(s, p)
			}
			return validator.Validate(ctx, m)
		},
		Best: func(m *onnx.Model) error {
			return onnx.Save(filepath.Join(o.out, bestFile), m, onnx.SaveOptions{})
		},
		Epoch: func(r train.Record) {
			said()
			text := fmt.Sprintf("loss %.4f", r.Loss)
			if r.MIoU >= 0 {
				text += "  mIoU " + percent(r.MIoU)
			}
			view.line(r.Epoch, text)
			log.Epoch(r.Epoch, r)
			validated = r.MIoU >= 0
		},
	}, train.Every{Time: o.every, Steps: o.everySteps}, func() error {
		if err := t.Checkpoint(checkpoint); err != nil {
			return err
		}
		if err := log.flush(); err != nil || !validated {
			return err
		}
		validated = false
		_, err := log.report()
		return err
	})
	view.close()
	said()
	if err != nil {
		if ctx.Err() != nil {
			a.printf("%s: stopped; --resume goes on\n", checkpoint)
		}
		return err
	}
	return o.finish(a, t, log, view)
}

// finish writes the trained network and the report, and the log once more: a training that was killed between its last
// checkpoint and the log has no step left that would write it.
func (o *trainOptions) finish(a *app, t *train.Trainer, log *trainLog, view *epochView) error {
	if err := log.flush(); err != nil {
		return err
	}
	m, err := t.Model()
	if err != nil {
		return err
	}
	trained := filepath.Join(o.out, trainedFile)
	if err := onnx.Save(trained, m, onnx.SaveOptions{}); err != nil {
		return err
	}
	report, err := log.report()
	if err != nil {
		return err
	}
	h := t.History()
	last, next := h[len(h)-1], trained
	a.printf("loss %.4f, mIoU %s on validation, after %d epochs\n", last.Loss, percent(last.MIoU), last.Epoch)
	if b := t.Best(); b != nil {
		next = filepath.Join(o.out, bestFile)
		a.printf("%s: mIoU %s, the highest, after epoch %d\n", next, percent(b.MIoU), b.Epoch)
	}
	if view.images > 0 {
		a.printf("%d images in %.1f s of steps, %.1f a second\n", view.images, view.seconds, view.speed())
	}
	a.printf("%s\n%s\nNext:  autodeeplab compile %s -o net.onnx\n", trained, report, next)
	return nil
}

// warnings come from several goroutines, and are told by one.
type warnings struct {
	lock sync.Mutex
	list []string
}

func (w *warnings) add(text string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.list = append(w.list, text)
}

func (w *warnings) take() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	list := w.list
	w.list = nil
	return list
}
