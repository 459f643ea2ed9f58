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
	"autodeeplab/onnx/op"
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
	out, form, weights, statistics string
	seed                           uint64
	opset, threads                 int
}

func newCompileCommand(a *app) *cobra.Command {
	o := compileOptions{networkFlags: networkFlags{input: sizeFlag{513, 513}}}
	cmd := &cobra.Command{
		Use:   "compile [ARCHITECTURE.json | NET.onnx] -o NET.onnx",
		Short: "Compile an architecture to ONNX",
		Long: `compile makes an ONNX network of an architecture; where none is named, of the published
Auto-DeepLab. Of an .onnx only the architecture is read, unless --weights names it, too. The same
architecture and flags give the same file, byte for byte, on every machine.

The inference form, which is for running, has batch normalisation folded into the convolutions. The
training form keeps it, and every weight under a name of its own. --weights takes the weights of a
training form, which must fit exactly; without it they are random, from --seed.

In a network with random weights the batch statistics are 0 and 1, under which its activations die out.
--bn-images measures them in one pass over pictures (at most ` + fmt.Sprint(maxStatisticsPictures) + ` of a folder).`,
		Example: `  autodeeplab compile --size S --dataset cityscapes --input-size 513x513 -o net.onnx
  autodeeplab compile found.json --filters 16 --classes 2 --input-size dynamic --batch dynamic -o net.onnx
  autodeeplab compile --form training --seed 7 -o train.onnx
  autodeeplab compile train.onnx --weights train.onnx --input-size 1025x2049 -o big.onnx`,
		Args: arguments(0, 1, "at most one architecture"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(cmd, o.out); err != nil {
				return err
			}
			if o.threads < 0 {
				return usagef("--threads %d: want 0 (all) or more", o.threads)
			}
			arch, err := readArchitecture(args)
			if err != nil {
				return err
			}
			m, err := o.compile(cmd, arch)
			if err != nil {
				return err
			}
			if err := onnx.Save(o.out, m, onnx.SaveOptions{}); err != nil {
				return err
			}
			a.printf("%s: %s\n", o.out, describe(m))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the .onnx file to write")
	o.add(cmd, f)
	f.StringVar(&o.form, "form", compile.InferenceForm.String(), "training or inference")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the random weights")
	f.StringVar(&o.weights, "weights", "", "take the weights from a training form")
	f.StringVar(&o.statistics, "bn-images", "", "measure batch statistics on a picture or a folder of pictures")
	f.IntVar(&o.opset, "opset", compile.DefaultOpset, fmt.Sprintf("version of the ai.onnx operator set to write, %d to %d", compile.OldestOpset, op.NewestOpset))
	f.IntVar(&o.threads, "threads", 0, "threads for --bn-images, 0 for all")
	nameArguments(f, "output", "FILE", "form", "FORM", "seed", "N", "weights", "NET.onnx", "bn-images", "PATH", "opset", "N", "threads", "N")
	completeWith(cmd, "form", []string{compile.TrainingForm.String(), compile.InferenceForm.String()})
	return cmd
}

func (o *compileOptions) compile(cmd *cobra.Command, arch *decode.Architecture) (*onnx.Model, error) {
	options, err := o.options(cmd)
	if err != nil {
		return nil, err
	}
	form, err := compile.ParseForm(o.form)
	if err != nil {
		return nil, usageError{err}
	}
	options.Seed, options.Opset = o.seed, o.opset
	if o.weights != "" {
		m, err := onnx.Load(o.weights, onnx.LoadOptions{})
		if err != nil {
			return nil, fmt.Errorf("--weights: %w", err)
		}
		if options.Weights, err = compile.Weights(m); err != nil {
			return nil, fmt.Errorf("--weights %s: %w", o.weights, err)
		}
	}
	return build(cmd.Context(), arch, options, form, o.statistics, o.threads)
}

// build compiles to the training form, measures batch statistics on pictures if some are named, and brings the network
// into its form.
func build(ctx context.Context, arch *decode.Architecture, o compile.Options, form compile.Form, pictures string, threads int) (*onnx.Model, error) {
	o.Form = compile.TrainingForm
	m, err := compile.Compile(arch, o)
	if err != nil {
		return nil, err
	}
	if pictures != "" {
		views, err := statisticsViews(pictures, o.Height, o.Width)
		if err != nil {
			return nil, fmt.Errorf("--bn-images: %w", err)
		}
		if err := fitStatistics(ctx, m, arch, o, views, threads); err != nil {
			return nil, err
		}
	}
	if form == compile.InferenceForm {
		return compile.Inference(m)
	}
	return m, nil
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
	return fmt.Sprintf("%s form, %d nodes, %.2f M stored numbers, ai.onnx %d", onnx.Metadata(m)[compile.KeyForm], len(m.GetGraph().GetNode()), float64(params)/1e6, onnx.Opset(m))
}
