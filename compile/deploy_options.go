package compile

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Input says how pictures go into a model.
type Input int

const (
	// InputKept leaves the input as the model has it.
	InputKept Input = iota
	// InputFloat is float32 [N,3,H,W].
	InputFloat
	// InputUint8 is uint8 [N,H,W,3]: the bytes of RGB pictures as decoders give them.
	InputUint8
)

// Output says what a model gives.
type Output int

const (
	// OutputKept leaves the output as the model has it.
	OutputKept Output = iota
	// OutputLogits is float32 [N,classes,H,W], before any softmax.
	OutputLogits
	// OutputProbabilities is the softmax of the logits over the classes.
	OutputProbabilities
	// OutputLabels is the class of the largest score of each pixel, [N,H,W], the lowest of equal ones.
	OutputLabels
)

// The names on the command line, in the order of the constants.
var (
	inputNames  = []string{"", "float", "uint8"}
	outputNames = []string{"", "logits", "probabilities", "labels"}
)

// String gives the name on the command line, "" for InputKept.
func (i Input) String() string { return nameOf(inputNames, int(i)) }

// String gives the name on the command line, "" for OutputKept.
func (o Output) String() string { return nameOf(outputNames, int(o)) }

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return strconv.Itoa(i)
	}
	return names[i]
}

// ParseInput is the inverse of Input.String; "" is InputKept.
func ParseInput(s string) (Input, error) {
	i, err := parseName(inputNames, s, "an input", flagInput)
	return Input(i), err
}

// ParseOutput is the inverse of Output.String; "" is OutputKept.
func ParseOutput(s string) (Output, error) {
	i, err := parseName(outputNames, s, "an output", flagOutput)
	return Output(i), err
}

func parseName(names []string, s, what, flag string) (int, error) {
	if i := slices.Index(names, s); i >= 0 {
		return i, nil
	}
	return 0, optionError("%q is no name of %s, want %s (%s)", s, what, strings.Join(names[1:], ", "), flag)
}

// LabelTypes are the element types that labels may have.
var LabelTypes = []tensor.DType{tensor.Uint8, tensor.Int32, tensor.Int64}

// ParseLabelType reads one of LabelTypes; "" is 0, which leaves the choice to Deploy.
func ParseLabelType(s string) (tensor.DType, error) {
	if s == "" {
		return 0, nil
	}
	for _, d := range LabelTypes {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, optionError("labels of type %q, want uint8, int32 or int64 (%s)", s, flagLabelType)
}

// Axis is what becomes of an axis of the input: a size, or one of KeptAxis and DynamicAxis.
type Axis int

const (
	// KeptAxis leaves the axis as the model has it.
	KeptAxis Axis = 0
	// DynamicAxis makes the axis dynamic, named "batch", "height" or "width".
	DynamicAxis Axis = -1
)

// The flags that error texts name.
const (
	flagInput        = "--input"
	flagNormalize    = "--mean, --std"
	flagOutput       = "--output"
	flagLabelType    = "--label-type"
	flagOutputStride = "--output-stride"
	flagBatch        = "--batch"
	flagSize         = "--input-size"
	flagOpset        = "--opset"
	flagScales       = "--multi-scale"
	flagFlip         = "--flip"
	flagAnyResize    = "--any-resize"
	flagDataset      = "--dataset"
	flagForm         = "--form"
	flagSkipPass     = "--skip-pass"
	flagWithPass     = "--with-pass"
	flagDumpAfter    = "--dump-after"
)

// PaperScales are the scales of the paper's multi-scale inference (§5.2), which also averages over left-right flips.
var PaperScales = []float64{0.5, 0.75, 1, 1.25, 1.5, 1.75}

// DeployOptions configures Deploy; each field is a flag of "autodeeplab compile", which its comment names. The zero value
// changes nothing but what the passes improve.
type DeployOptions struct {
	// Input is how pictures go in (--input). InputUint8 puts a Cast and a Transpose before the network; the model must
	// read three channels, in the order R, G, B.
	Input Input
	// Mean and Std normalise the pictures of a model that wants it done outside: (x − mean) / std for x of 0…255, one
	// number or one a channel (--mean, --std). Not for models that Compile made, which have it inside.
	Mean, Std []float64

	// Output is what comes out (--output). The graph's output takes its name: "logits", "probabilities" or "labels";
	// OutputKept leaves the model's. Labels can be made of probabilities, and both of logits, but not the other way.
	Output Output
	// LabelType is the element type of labels, one of LabelTypes (--label-type); 0 is uint8 where the classes fit, else
	// int32.
	LabelType tensor.DType
	// OutputStride is 1 for an output of the input's size, 4 for one of a quarter of its height and width, rounded up, as
	// the decoder makes it; 0 leaves it as the model has it (--output-stride).
	OutputStride int

	// Batch, Height and Width are the sizes of the input (--batch, --input-size). What a model takes of dynamic axes is
	// written into its metadata, see KeySizes.
	Batch, Height, Width Axis
	// Opset is the version of ai.onnx to write, OldestOpset to op.NewestOpset, with the IR version of the ONNX release
	// that brought it; 0 leaves the model's (--opset).
	Opset int
	// Scales, if any, bakes multi-scale inference into the graph (--multi-scale): the picture is resized by each, n
	// pixels to ⌊(n−1)·scale⌋+1, and the probabilities of all, resized to the output's size, are averaged. Multiples of
	// 0.01 from 0.1 to 4. The graph holds the network once a scale; the weights are shared.
	Scales []float64
	// Flip also averages over each scale's mirror image, or over the picture and its mirror image where there are no
	// Scales (--flip).
	Flip bool
	// AnyResize lets resize modes pass on which engines disagree (--any-resize).
	AnyResize bool

	// Dataset, ClassNames and Palette go into the metadata where given, in place of what is there (--dataset).
	Dataset    string
	ClassNames []string
	Palette    []color.RGBA

	Passes PassOptions
}

// PassOptions chooses passes and looks on. The zero value runs pass.Default.
type PassOptions struct {
	// Skip names passes that are not to run (--skip-pass), With opt-in ones that are (--with-pass).
	Skip, With []string
	// Check runs the checker before the passes and after each (--check-passes); what it finds is an error.
	Check bool
	// DumpAfter names passes after which Dump gets the model's text form, weights abbreviated (--dump-after); BeforePasses
	// is the graph before any. Only where several views share the weights is batch normalisation folded before that.
	DumpAfter []string
	// Dump is where dumps go: each follows a line "// after PASS".
	Dump io.Writer
}

// BeforePasses is the name, for PassOptions.DumpAfter, of the graph before any pass.
const BeforePasses = "lower"

func optionError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrOptions, fmt.Sprintf(format, args...))
}

// Check refuses what no model can have, what contradicts itself, and what the form cannot have. A training form is what
// training reads: float pictures in, logits of the input's size out, every weight under its own name, so that all of o
// but sizes, opset and metadata needs InferenceForm. Deploy finds what a model at hand cannot have. The error wraps
// ErrOptions.
func (o *DeployOptions) Check(f Form) error {
	if err := o.check(); err != nil || f == InferenceForm {
		return err
	}
	for _, wrong := range []struct {
		is         bool
		what, flag string
	}{
		{o.Input == InputUint8, "takes float pictures, not uint8", flagInput + " float"},
		{o.Mean != nil || o.Std != nil, "has its own normalisation", "no " + flagNormalize},
		{o.Output != OutputKept && o.Output != OutputLogits, "gives logits, not " + o.Output.String(), flagOutput + " logits"},
		{o.LabelType != 0, "gives logits, which have no label type", "no " + flagLabelType},
		{o.OutputStride > 1, "gives an output of the input's size", flagOutputStride + " 1"},
		{len(o.Scales) > 0, "has one scale", "no " + flagScales},
		{o.Flip, "takes pictures as they are", "no " + flagFlip},
		{len(o.Passes.Skip)+len(o.Passes.With) > 0, "goes through no passes", "no " + flagSkipPass + ", " + flagWithPass},
		{len(o.Passes.DumpAfter) > 0, "goes through no passes", "no " + flagDumpAfter},
	} {
		if wrong.is {
			return optionError("a training form %s: want %s, or %s inference", wrong.what, wrong.flag, flagForm)
		}
	}
	return nil
}

// check refuses what no model can have, and what contradicts itself.
func (o *DeployOptions) check() error {
	if o.Input < InputKept || o.Input > InputUint8 {
		return optionError("input %d, want float or uint8 (%s)", int(o.Input), flagInput)
	}
	if o.Output < OutputKept || o.Output > OutputLabels {
		return optionError("output %d, want logits, probabilities or labels (%s)", int(o.Output), flagOutput)
	}
	if o.LabelType != 0 && !slices.Contains(LabelTypes, o.LabelType) {
		return optionError("labels of type %s, want uint8, int32 or int64 (%s)", o.LabelType, flagLabelType)
	}
	if o.LabelType != 0 && (o.Output == OutputLogits || o.Output == OutputProbabilities) {
		return optionError("%s are float: %s needs %s labels", o.Output, flagLabelType, flagOutput)
	}
	if o.OutputStride != 0 && o.OutputStride != 1 && o.OutputStride != 4 {
		return optionError("an output of stride %d, want 1 or 4 (%s)", o.OutputStride, flagOutputStride)
	}
	if o.Opset != 0 && (o.Opset < OldestOpset || o.Opset > op.NewestOpset) {
		return optionError("opset %d, want %d to %d (%s)", o.Opset, OldestOpset, op.NewestOpset, flagOpset)
	}
	if o.Batch < DynamicAxis || o.Batch > maxBatch {
		return optionError("a batch of %d, want 1 to %d, or dynamic (%s)", o.Batch, maxBatch, flagBatch)
	}
	for _, side := range []Axis{o.Height, o.Width} {
		if side < DynamicAxis || side > maxSide {
			return optionError("an input side of %d, want 1 to %d, or dynamic (%s)", side, maxSide, flagSize)
		}
	}
	for _, s := range o.Scales {
		if percent := s * 100; !(percent >= 10 && percent <= 400) || math.Abs(percent-math.Round(percent)) > 1e-6 {
			return optionError("scale %g, want multiples of 0.01 from 0.1 to 4 (%s)", s, flagScales)
		}
	}
	if len(o.Scales) > maxScales {
		return optionError("%d scales, want at most %d (%s)", len(o.Scales), maxScales, flagScales)
	}
	if (len(o.Scales) > 0 || o.Flip) && o.Output == OutputLogits {
		return optionError("several views are averaged after the softmax: %s and %s need %s probabilities or labels", flagScales, flagFlip, flagOutput)
	}
	return o.checkNormalisation()
}

// maxScales bounds the size of a graph that holds a network once a scale.
const maxScales = 16

func (o *DeployOptions) checkNormalisation() error {
	for _, list := range [][]float64{o.Mean, o.Std} {
		if n := len(list); n != 0 && n != 1 && n != 3 {
			return optionError("%d numbers for the normalisation, want 1 or 3 (%s)", n, flagNormalize)
		}
		for _, v := range list {
			if math.IsNaN(v) || math.Abs(v) > 1e6 {
				return optionError("%g for the normalisation, want a number up to a million (%s)", v, flagNormalize)
			}
		}
	}
	for _, v := range o.Std {
		if v < 1e-6 {
			return optionError("a standard deviation of %g, want more than 0 (--std)", v)
		}
	}
	return nil
}

// views are the percentages of Scales, 100 alone where there are none.
func (o *DeployOptions) views() []int {
	if len(o.Scales) == 0 {
		return []int{100}
	}
	var percents []int
	for _, s := range o.Scales {
		percents = append(percents, int(math.Round(s*100)))
	}
	return percents
}

// averages reports whether several views of a picture are averaged.
func (o *DeployOptions) averages() bool { return o.Flip || len(o.Scales) > 0 }

// run applies the passes that o chooses to m, in place.
func (o *PassOptions) run(m *onnx.Model) error {
	table, err := pass.Select(o.Skip, o.With)
	if err != nil {
		return fmt.Errorf("%w: %w (%s, %s)", ErrOptions, err, flagSkipPass, flagWithPass)
	}
	for _, name := range o.DumpAfter {
		if name != BeforePasses && !slices.ContainsFunc(table, func(p pass.Pass) bool { return p.Name == name }) {
			return optionError("no pass %q runs, want %s or one of %s (%s, %s)", name, BeforePasses, pass.Names(func(p pass.Pass) bool {
				return slices.ContainsFunc(table, func(q pass.Pass) bool { return q.Name == p.Name })
			}), flagDumpAfter, flagWithPass)
		}
	}
	after := func(name string, m *onnx.Model) error {
		if o.Check {
			if f := check.Model(m, check.Options{}); len(f) > 0 {
				return fmt.Errorf("the checker has %d findings, the first: %s", len(f), f[0])
			}
		}
		if o.Dump == nil || !slices.Contains(o.DumpAfter, name) {
			return nil
		}
		if _, err := fmt.Fprintf(o.Dump, "// after %s\n", name); err != nil {
			return err
		}
		return onnx.Format(o.Dump, m, onnx.TextOptions{Escape: true})
	}
	if err := after(BeforePasses, m); err != nil {
		return err
	}
	return pass.Run(m, table, after)
}
