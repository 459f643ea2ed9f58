package compile

import (
	"errors"
	"fmt"
	"image/color"
	"strings"

	"autodeeplab/decode"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Form says what a model is for.
type Form int

const (
	// TrainingForm keeps BatchNormalization and every weight as a named initializer.
	TrainingForm Form = iota
	// InferenceForm has BatchNormalization folded into the convolutions, and nothing that no output needs.
	InferenceForm
)

// String gives the form's name on the command line.
func (f Form) String() string {
	if f == TrainingForm {
		return "training"
	}
	return "inference"
}

// ParseForm is the inverse of String.
func ParseForm(s string) (Form, error) {
	for _, f := range []Form{TrainingForm, InferenceForm} {
		if f.String() == s {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%w: form %q, want training or inference", ErrOptions, s)
}

// Size is one of the paper's widths.
type Size struct {
	Name    string
	Filters int
}

// Sizes are the networks of the paper's table 2 (S, M, L).
var Sizes = []Size{{"S", 20}, {"M", 32}, {"L", 48}}

// SizeByName finds S, M or L, in either case.
func SizeByName(name string) (Size, error) {
	for _, s := range Sizes {
		if strings.EqualFold(s.Name, name) {
			return s, nil
		}
	}
	return Size{}, fmt.Errorf("%w: size %q, want S, M or L (--size), or give --filters", ErrOptions, name)
}

// Opset limits and default. Resize with align_corners exists from opset 11 on.
const (
	DefaultOpset = 17
	OldestOpset  = 11
)

// ErrOptions is wrapped by every error about the options of Compile. Its text names the flag that changes the option.
var ErrOptions = errors.New("cannot compile")

// Options configures Compile.
type Options struct {
	// Filters is F: a block at level k has F·2^k channels (S 20, M 32, L 48).
	Filters int
	// Classes is the number of output channels.
	Classes int
	// Height and Width of the input in pixels; 0 leaves an axis dynamic, named "height" or "width".
	Height, Width int
	// Batch is the number of pictures; 0 leaves the axis dynamic, named "batch".
	Batch int
	Form  Form
	// Seed of the initial weights; not used with Weights.
	Seed uint64
	// Weights, if not nil, are the initializers of a training form by name: all of them, of the right shapes, no others.
	Weights map[string]*tensor.Tensor
	// Opset is the version of ai.onnx to write; 0 means DefaultOpset.
	Opset int
	// Dataset, ClassNames and Palette (a colour a class) go into the metadata where given.
	Dataset    string
	ClassNames []string
	Palette    []color.RGBA
}

// Bounds on options: wide enough for any real network, and small enough that no size computed from them overflows.
// maxWeights, 8 GiB, is some fifty times the paper's largest network; it is checked before any weight is made.
const (
	maxWeights = 1 << 31
	maxFilters = 4096
	maxClasses = 1 << 16
	maxSide    = 1 << 16
	maxBatch   = 1 << 12
)

func (o *Options) check(a *decode.Architecture) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrOptions, fmt.Sprintf(format, args...))
	}
	if err := a.Validate(); err != nil {
		return err
	}
	if o.Opset == 0 {
		o.Opset = DefaultOpset
	}
	least := MinimumSide(a)
	switch {
	case o.Filters < 1 || o.Filters > maxFilters:
		return fail("%d filters, want 1 to %d (--filters, or --size S, M or L)", o.Filters, maxFilters)
	case o.Classes < 1 || o.Classes > maxClasses:
		return fail("%d classes, want 1 to %d (--classes or --dataset)", o.Classes, maxClasses)
	case o.Batch < 0 || o.Batch > maxBatch:
		return fail("a batch of %d, want 1 to %d, or dynamic (--batch)", o.Batch, maxBatch)
	case o.Form != TrainingForm && o.Form != InferenceForm:
		return fail("form %d, want training or inference (--form)", o.Form)
	case o.Opset < OldestOpset || o.Opset > op.NewestOpset:
		return fail("opset %d, want %d to %d (--opset)", o.Opset, OldestOpset, op.NewestOpset)
	case len(o.ClassNames) > 0 && len(o.ClassNames) != o.Classes:
		return fail("%d class names for %d classes (--dataset, --classes)", len(o.ClassNames), o.Classes)
	case len(o.Palette) > 0 && len(o.Palette) != o.Classes:
		return fail("a palette of %d colours for %d classes", len(o.Palette), o.Classes)
	}
	for _, side := range []struct {
		name string
		n    int
	}{{"height", o.Height}, {"width", o.Width}} {
		if side.n != 0 && (side.n < least || side.n > maxSide) {
			return fail("input %s %d, want %d to %d for this path of resolutions, or dynamic (--input-size)", side.name, side.n, least, maxSide)
		}
	}
	return nil
}

// MinimumSide is the smallest input height and width for which no feature map of a's path degenerates to one row: each
// stride-2 step must have at least two rows to choose from.
func MinimumSide(a *decode.Architecture) int {
	deepest := 0
	for _, k := range a.Path {
		deepest = max(deepest, k)
	}
	return 4<<deepest + 1
}
