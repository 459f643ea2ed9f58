package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
)

// deployFlags say in which form a network is to run.
type deployFlags struct {
	input, output, labelType, scales, externalData string
	mean, std                                      []float64
	outputStride, opset                            int
	flip, anyResize, checkPasses                   bool
	skip, with, dumpAfter                          []string
}

// paperScales is the word for compile.PaperScales and evaluate.PaperScales, which are the same.
const paperScales = "paper"

var externalNames = map[string]onnx.External{"auto": onnx.ExternalAuto, "always": onnx.ExternalAlways, "never": onnx.ExternalNever}

func (d *deployFlags) add(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&d.input, "input", "", "pictures go in as float (float32 [N,3,H,W], RGB 0…255) or uint8 (bytes, [N,H,W,3])")
	f.StringVar(&d.output, "output", "", "what comes out: logits, probabilities or labels (the class of each pixel)")
	f.StringVar(&d.labelType, "label-type", "", "type of labels: uint8, int32 or int64 (default uint8 where the classes fit)")
	f.IntVar(&d.outputStride, "output-stride", 0, "1 for an output of the input's size, 4 for a quarter of its sides")
	f.StringVar(&d.scales, "multi-scale", "", "average over these scales of the picture, as 0.75,1,1.5, or "+paperScales+" for the paper's six")
	f.BoolVar(&d.flip, "flip", false, "average over the picture and its mirror image")
	f.IntVar(&d.opset, "opset", 0, fmt.Sprintf("version of the ai.onnx operator set to write, %d to %d (default %d, of an .onnx its own)", compile.OldestOpset, op.NewestOpset, compile.DefaultOpset))
	f.Float64SliceVar(&d.mean, "mean", nil, "put x − mean before a network from elsewhere, for x of 0…255: a number, or one a channel")
	f.Float64SliceVar(&d.std, "std", nil, "and divide by these")
	f.BoolVar(&d.anyResize, "any-resize", false, "let resize modes of a network from elsewhere pass on which engines disagree")
	f.StringVar(&d.externalData, "external-data", "auto", "weights in a file beside the .onnx: auto (over 2 GiB), always or never")
	f.StringSliceVar(&d.skip, "skip-pass", nil, "passes not to run; --list-passes lists them")
	f.StringSliceVar(&d.with, "with-pass", nil, "passes to run that only run if asked for")
	f.StringSliceVar(&d.dumpAfter, "dump-after", nil, "print the graph after these passes, "+compile.BeforePasses+" for the one before any")
	f.BoolVar(&d.checkPasses, "check-passes", false, "check the graph after each pass")
	nameArguments(f, "input", "KIND", "output", "KIND", "label-type", "TYPE", "output-stride", "N", "multi-scale", "LIST", "opset", "N",
		"mean", "LIST", "std", "LIST", "external-data", "WHEN", "skip-pass", "LIST", "with-pass", "LIST", "dump-after", "LIST")
	completeWith(cmd, "input", []string{"float", "uint8"})
	completeWith(cmd, "output", []string{"logits", "probabilities", "labels"})
	completeWith(cmd, "label-type", []string{"uint8", "int32", "int64"})
	completeWith(cmd, "output-stride", []string{"1", "4"})
	completeWith(cmd, "multi-scale", []string{paperScales})
	completeWith(cmd, "external-data", []string{"auto", "always", "never"})
	var all, optional, optIn []string
	for _, p := range pass.All {
		all = append(all, p.Name)
		if p.OptIn != "" {
			optIn = append(optIn, p.Name)
		} else if !p.Required {
			optional = append(optional, p.Name)
		}
	}
	completeWith(cmd, "skip-pass", optional)
	completeWith(cmd, "with-pass", optIn)
	completeWith(cmd, "dump-after", append([]string{compile.BeforePasses}, all...))
}

// options turns the flags into the compiler's. Sizes and metadata are left to the caller; dumps go to dump.
func (d *deployFlags) options(dump io.Writer) (compile.DeployOptions, error) {
	o := compile.DeployOptions{
		Mean: d.mean, Std: d.std, OutputStride: d.outputStride, Opset: d.opset, Flip: d.flip, AnyResize: d.anyResize,
		Passes: compile.PassOptions{Skip: d.skip, With: d.with, Check: d.checkPasses, DumpAfter: d.dumpAfter, Dump: dump},
	}
	var err error
	if o.Input, err = compile.ParseInput(d.input); err != nil {
		return o, err
	}
	if o.Output, err = compile.ParseOutput(d.output); err != nil {
		if strings.ContainsAny(d.output, "./\\") {
			err = fmt.Errorf("%w; the file to write is -o %s", err, d.output)
		}
		return o, err
	}
	if o.LabelType, err = compile.ParseLabelType(d.labelType); err != nil {
		return o, err
	}
	if d.scales == paperScales {
		o.Scales = compile.PaperScales
	} else if d.scales != "" {
		for _, text := range strings.Split(d.scales, ",") {
			s, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				return o, usagef("--multi-scale %s: want numbers with commas between, as 0.75,1,1.5, or %s", d.scales, paperScales)
			}
			o.Scales = append(o.Scales, s)
		}
	}
	if _, ok := externalNames[d.externalData]; !ok {
		return o, usagef("--external-data %s: want auto, always or never", d.externalData)
	}
	return o, nil
}

// listPasses prints the table of passes.
func listPasses(a *app) {
	a.printf("The passes, in the order in which they run. required: they make the inference form; default: they run unless\n--skip-pass names them; opt-in: they run if --with-pass does.\n")
	for _, p := range pass.All {
		when := "default"
		switch {
		case p.Required:
			when = "required"
		case p.OptIn != "":
			when = "opt-in"
		}
		a.printf("\n%-22s %-9s %s\n", p.Name, when, p.Doc)
		if p.OptIn != "" {
			a.printf("%32s opt-in because %s\n", "", p.OptIn)
		}
		for _, o := range slices.Clone(p.After) {
			a.printf("%32s after %s: %s\n", "", o.Pass, o.Reason)
		}
	}
}
