package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
)

// networkFlags say which network to make of an architecture.
type networkFlags struct {
	size, dataset    string
	filters, classes int
	input            sizeFlag
	batch            countFlag
}

// defaultClasses is the number of classes where neither a data set nor a number is given: that of Cityscapes, for
// which the paper counts.
const defaultClasses = 19

func (n *networkFlags) add(cmd *cobra.Command, f *pflag.FlagSet) {
	n.batch = 1
	f.StringVar(&n.size, "size", "S", "width of the network: S, M or L of the paper, which are 20, 32 and 48 filters")
	f.IntVar(&n.filters, "filters", 0, "width of the network as the paper's number of filters, in place of --size")
	f.IntVar(&n.classes, "classes", 0, fmt.Sprintf("number of classes (default those of --dataset, else %d)", defaultClasses))
	f.StringVar(&n.dataset, "dataset", "", "take classes, their names and colours from "+orList(dataset.Names()))
	f.Var(&n.input, "input-size", "input in pixels, height first, or "+dynamic+" for any size")
	f.Var(&n.batch, "batch", "pictures at a time, or "+dynamic+" for any number")
	nameArguments(f, "size", "SIZE", "filters", "F", "classes", "N", "dataset", "NAME")
	completeWith(cmd, "size", []string{"S", "M", "L"})
	completeWith(cmd, "dataset", dataset.Names())
}

// options turns the flags into the compiler's options.
func (n *networkFlags) options(cmd *cobra.Command) (compile.Options, error) {
	o := compile.Options{
		Filters: n.filters, Classes: n.classes, Height: n.input.height, Width: n.input.width, Batch: int(n.batch),
	}
	if n.filters == 0 && !cmd.Flags().Changed("filters") {
		s, err := compile.SizeByName(n.size)
		if err != nil {
			return o, usageError{err}
		}
		o.Filters = s.Filters
	} else if cmd.Flags().Changed("size") {
		return o, usagef("--size %s and --filters %d: give one of them", n.size, n.filters)
	}
	if n.dataset != "" {
		c, err := dataset.ByName(n.dataset)
		if err != nil {
			return o, usagef("--dataset: %w", err)
		}
		if n.classes != 0 && n.classes != c.Len() {
			return o, usagef("--classes %d: %s has %d", n.classes, n.dataset, c.Len())
		}
		o.Classes, o.Dataset, o.ClassNames, o.Palette = c.Len(), c.Name, c.ClassNames, c.Palette
	} else if !cmd.Flags().Changed("classes") {
		o.Classes = defaultClasses
	}
	return o, nil
}

type compileOptions struct {
	networkFlags
	deployFlags
	precisionFlags
	targetFlags
	out, form, weights, statistics string
	seed                           uint64
	threads                        int
	listPasses                     bool
}

func newCompileCommand(a *app) *cobra.Command {
	o := compileOptions{networkFlags: networkFlags{input: sizeFlag{513, 513}}}
	cmd := &cobra.Command{
		Use:   "compile [ARCHITECTURE.json | NET.onnx] -o NET.onnx",
		Short: "Compile an architecture, or a network that is there, to the ONNX form that is to run",
		Long: `compile makes an ONNX network of an architecture; where none is named, of the published
Auto-DeepLab. The same architecture and flags give the same file, byte for byte, on every machine.
An .onnx, trained or from elsewhere, keeps its weights and metadata and gets the form that the flags ask
for; what they do not name stays as it is.

The inference form, which is for running, has batch normalisation folded into the convolutions and has
gone through the passes that --list-passes lists. The training form keeps batch normalisation, and every
weight under a name of its own. --weights gives an architecture the weights of a training form, which
must fit exactly; without it they are random, from --seed.

In a network with random weights the batch statistics are 0 and 1, under which its activations die out.
--bn-images measures them in one pass over pictures (at most ` + fmt.Sprint(maxStatisticsPictures) + ` of a folder).`,
		Example: `  autodeeplab compile --size S --dataset cityscapes --input-size 513x513 -o net.onnx
  autodeeplab compile found.json --filters 16 --classes 2 --input-size dynamic --batch dynamic -o net.onnx
  autodeeplab compile --form training --seed 7 -o train.onnx
  autodeeplab compile train.onnx --input uint8 --output labels --input-size 1025x2049 -o camera.onnx
  autodeeplab compile train.onnx --multi-scale paper --flip --output probabilities -o best.onnx
  autodeeplab compile elsewhere.onnx --input uint8 --mean 123.7,116.3,103.5 --std 58.4,57.1,57.4 -o net.onnx`,
		Args: arguments(0, 1, "at most one architecture or network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.listPasses {
				listPasses(a)
				return nil
			}
			if o.out != "" || o.triton == "" {
				if err := checkOutput(cmd, o.out); err != nil {
					return err
				}
			}
			if o.threads < 0 {
				return usagef("--threads %d: want 0 (all) or more", o.threads)
			}
			m, err := o.compile(cmd, args, a)
			if err != nil {
				return err
			}
			if err := o.targetFlags.check(m); err != nil {
				return err
			}
			external := externalNames[o.externalData]
			if o.out != "" {
				if err := onnx.Save(o.out, m, onnx.SaveOptions{External: external}); err != nil {
					return err
				}
				a.printf("%s: %s\n", o.out, describe(m))
			}
			return o.targetFlags.finish(a, m, o.out, repositoryName(o.out, args), external)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "out", "o", "", "the .onnx file to write")
	o.networkFlags.add(cmd, f)
	f.StringVar(&o.form, "form", compile.InferenceForm.String(), "training or inference")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the random weights")
	f.StringVar(&o.weights, "weights", "", "give an architecture the weights of a training form")
	f.StringVar(&o.statistics, "bn-images", "", "measure batch statistics on a picture or a folder of pictures")
	f.IntVar(&o.threads, "threads", 0, "threads for --bn-images and --calibration, 0 for all")
	o.deployFlags.add(cmd, f)
	o.precisionFlags.add(cmd, f)
	o.targetFlags.add(cmd, f)
	f.BoolVar(&o.listPasses, "list-passes", false, "print the passes that networks go through, with their order and its reasons")
	nameArguments(f, "out", "FILE", "form", "FORM", "seed", "N", "weights", "NET.onnx", "bn-images", "PATH", "threads", "N")
	completeWith(cmd, "form", []string{compile.TrainingForm.String(), compile.InferenceForm.String()})
	return cmd
}

// compile makes what the command line asks for; dumps of passes, and what became of the precision, go to a's output.
func (o *compileOptions) compile(cmd *cobra.Command, args []string, a *app) (*onnx.Model, error) {
	form, err := compile.ParseForm(o.form)
	if err != nil {
		return nil, usageError{err}
	}
	d, err := o.deployFlags.options(a.stdout)
	if err != nil {
		return nil, err
	}
	if err := o.targetFlags.prepare(&d, &o.precisionFlags, form); err != nil {
		return nil, err
	}
	if err := d.Check(form); err != nil { // before any weight is made
		return nil, err
	}
	p, files, err := o.precisionFlags.options(cmd, form, d, o.threads)
	if err != nil {
		return nil, err
	}
	m, err := o.float(a, cmd, args, form, d)
	if err != nil {
		return nil, err
	}
	return o.precisionFlags.convert(cmd.Context(), a, m, p, files)
}

// float makes the network in float32, or in what precision it is.
func (o *compileOptions) float(a *app, cmd *cobra.Command, args []string, form compile.Form, d compile.DeployOptions) (*onnx.Model, error) {
	if len(args) == 1 && isModel(args[0]) {
		m, err := o.recompile(a, cmd, args[0], form, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", args[0], err)
		}
		return m, nil
	}
	arch, err := a.readArchitecture(args)
	if err != nil {
		return nil, err
	}
	options, err := o.networkFlags.options(cmd)
	if err != nil {
		return nil, err
	}
	options.Seed, options.Opset = o.seed, o.opset
	if form == compile.InferenceForm && o.statistics != "" {
		options.Opset = 0 // statistics need more operators than the form may have
	}
	if o.weights != "" {
		m, err := a.load(o.weights)
		if err != nil {
			return nil, fmt.Errorf("--weights: %w", err)
		}
		if options.Weights, err = compile.Weights(m); err != nil {
			return nil, fmt.Errorf("--weights %s: %w", o.weights, err)
		}
	}
	m, err := a.buildTraining(cmd.Context(), arch, options, o.statistics, o.threads)
	if err != nil || form == compile.TrainingForm {
		return m, err
	}
	return compile.Deploy(m, d)
}

// recompile gives a network that is there the form of the flags.
func (o *compileOptions) recompile(a *app, cmd *cobra.Command, path string, form compile.Form, d compile.DeployOptions) (*onnx.Model, error) {
	for _, name := range []string{"size", "filters", "classes", "seed", "weights"} {
		if cmd.Flags().Changed(name) {
			return nil, usagef("--%s is for an architecture, but this is a network, which keeps its width, classes and weights", name)
		}
	}
	if err := o.change(cmd, &d); err != nil {
		return nil, err
	}
	m, err := a.load(path)
	if err != nil {
		return nil, err
	}
	o.targetFlags.prepareFor(m, &d)
	training := onnx.Metadata(m)[compile.KeyForm] == compile.TrainingForm.String()
	switch {
	case !training && form == compile.TrainingForm:
		return nil, usagef("--form training: its batch normalisation is folded; want an architecture or a training form")
	case !training && o.statistics != "":
		return nil, usagef("--bn-images: its batch normalisation is folded; want an architecture or a training form")
	case !training || form == compile.InferenceForm && o.statistics == "":
		return compile.Deploy(m, d)
	}
	if m, err = compile.Training(m, compile.DeployOptions{Batch: d.Batch, Height: d.Height, Width: d.Width, Opset: d.Opset, Dataset: d.Dataset, ClassNames: d.ClassNames, Palette: d.Palette}); err != nil {
		return nil, err
	}
	if o.statistics != "" {
		arch, options, err := compile.ReadOptions(m)
		if err != nil {
			return nil, err
		}
		if options.Weights, err = compile.Weights(m); err != nil {
			return nil, err
		}
		if err := a.measureStatistics(cmd.Context(), m, arch, options, o.statistics, o.threads); err != nil {
			return nil, err
		}
	}
	if form == compile.TrainingForm {
		return m, nil
	}
	return compile.Deploy(m, d)
}

// change takes the sizes and the data set into d, of the flags that were given.
func (n *networkFlags) change(cmd *cobra.Command, d *compile.DeployOptions) error {
	axis := func(size int) compile.Axis {
		if size == 0 {
			return compile.DynamicAxis
		}
		return compile.Axis(size)
	}
	if cmd.Flags().Changed("input-size") {
		d.Height, d.Width = axis(n.input.height), axis(n.input.width)
	}
	if cmd.Flags().Changed("batch") {
		d.Batch = axis(int(n.batch))
	}
	if n.dataset == "" {
		return nil
	}
	c, err := dataset.ByName(n.dataset)
	if err != nil {
		return usagef("--dataset: %w", err)
	}
	d.Dataset, d.ClassNames, d.Palette = c.Name, c.ClassNames, c.Palette
	return nil
}

// buildTraining compiles to the training form, and measures batch statistics on pictures if some are named.
func (a *app) buildTraining(ctx context.Context, arch *decode.Architecture, o compile.Options, pictures string, threads int) (*onnx.Model, error) {
	o.Form = compile.TrainingForm
	m, err := compile.Compile(arch, o)
	if err != nil || pictures == "" {
		return m, err
	}
	return m, a.measureStatistics(ctx, m, arch, o, pictures, threads)
}

// measureStatistics measures batch statistics on pictures and writes them into m, the training form that o makes.
func (a *app) measureStatistics(ctx context.Context, m *onnx.Model, arch *decode.Architecture, o compile.Options, pictures string, threads int) error {
	views, err := statisticsViews(pictures, o.Height, o.Width, a.limits.Pixels())
	if err != nil {
		return fmt.Errorf("--bn-images: %w", err)
	}
	return fitStatistics(ctx, m, arch, o, views, threads)
}

// describe sums a model up in a line.
func describe(m *onnx.Model) string {
	params := 0
	for _, t := range m.GetGraph().GetInitializer() {
		n := 1
		for _, d := range t.GetDims() {
			n *= int(d)
		}
		params += n
	}
	text := fmt.Sprintf("%s form, ", onnx.Metadata(m)[compile.KeyForm])
	if in, out := m.GetGraph().GetInput(), m.GetGraph().GetOutput(); len(in) == 1 && len(out) == 1 {
		x, err1 := check.Declared(in[0])
		y, err2 := check.Declared(out[0])
		if err1 == nil && err2 == nil {
			text += fmt.Sprintf("%s to %s %s, ", &x, out[0].GetName(), &y)
		}
	}
	return onnx.Printable(text) + fmt.Sprintf("%d nodes, %.2f M stored numbers, ai.onnx %d", len(m.GetGraph().GetNode()), float64(params)/1e6, onnx.Opset(m))
}
