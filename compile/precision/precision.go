package precision

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// Kind is the type of number that a network computes in.
type Kind int

// The kinds, in the order of their names.
const (
	Float32 Kind = iota
	Float16
	Int8
)

var kindNames = []string{"fp32", "fp16", "int8"}

// String gives the name on the command line.
func (k Kind) String() string { return kindNames[k] }

// ParseKind is the inverse of String; "" is Float32.
func ParseKind(s string) (Kind, error) {
	if s == "" {
		return Float32, nil
	}
	if i := slices.Index(kindNames, s); i >= 0 {
		return Kind(i), nil
	}
	return 0, optionError("%q is no precision, want %s (%s)", s, strings.Join(kindNames, ", "), FlagPrecision)
}

// Method is how a value's range is found from what it holds on the pictures.
type Method int

const (
	// MinMax takes the least and the greatest number.
	MinMax Method = iota
	// Percentile cuts the same share of the numbers off at both ends, see Options.Percentile.
	Percentile
	// Entropy cuts where the distribution loses the least information (Kullback and Leibler's divergence).
	Entropy
)

var methodNames = []string{"minmax", "percentile", "entropy"}

// String gives the name on the command line.
func (m Method) String() string { return methodNames[m] }

// ParseMethod is the inverse of String; "" is MinMax.
func ParseMethod(s string) (Method, error) {
	if s == "" {
		return MinMax, nil
	}
	if i := slices.Index(methodNames, s); i >= 0 {
		return Method(i), nil
	}
	return 0, optionError("%q is no calibration method, want %s (%s)", s, strings.Join(methodNames, ", "), FlagMethod)
}

// The flags that error texts name.
const (
	FlagPrecision   = "--precision"
	FlagCalibration = "--calibration"
	FlagMethod      = "--calibration-method"
	FlagPercentile  = "--calibration-percentile"
	FlagThreshold   = "--int8-threshold"
	FlagKeep        = "--keep-float"
	FlagSymmetric   = "--int8-symmetric"
)

// Pictures are what a network is calibrated on.
type Pictures interface {
	Len() int
	// At gives the i-th in the type and layout of the model's input. It may read a file each time.
	At(i int) (*tensor.Tensor, error)
}

// DefaultPercentile keeps all but one number in ten thousand.
const DefaultPercentile = 99.99

// Options says what Convert is to make.
type Options struct {
	Kind Kind
	// Pictures calibrate. Int8 needs some; Float16 without any measures on what Convert makes itself, see half.go.
	Pictures Pictures
	Method   Method
	// Percentile is the share of the numbers that method Percentile keeps, in percent; 0 means DefaultPercentile.
	Percentile float64
	// Threshold is the relative error ‖y − ŷ‖ / ‖y‖ of a layer alone over which it stays float; 0 means that none is
	// measured against it.
	Threshold float64
	// Symmetric has activations quantised to int8 with zero points of 0, and biases stay float, as TensorRT wants it; a Relu's
	// then keeps one digit less.
	Symmetric bool
	// Keep names nodes that stay float: whole names, or what they begin with up to a slash.
	Keep []string
	// Engine runs the network on the pictures; nil means runtime.Embedded. Threads is as in runtime.Options.
	Engine  runtime.Engine
	Threads int
}

// Check refuses what no model can have. The error wraps compile.ErrOptions.
func (o *Options) Check() error {
	switch {
	case o.Kind < Float32 || o.Kind > Int8:
		return optionError("precision %d, want %s (%s)", int(o.Kind), strings.Join(kindNames, ", "), FlagPrecision)
	case o.Method < MinMax || o.Method > Entropy:
		return optionError("calibration method %d, want %s (%s)", int(o.Method), strings.Join(methodNames, ", "), FlagMethod)
	case o.Kind != Int8 && o.Method != MinMax:
		return optionError("%s takes no ranges: %s %s needs %s int8", o.Kind, FlagMethod, o.Method, FlagPrecision)
	case o.Kind != Int8 && o.Threshold != 0:
		return optionError("%s has no layer errors: %s needs %s int8", o.Kind, FlagThreshold, FlagPrecision)
	case o.Kind != Int8 && o.Symmetric:
		return optionError("%s has no zero points: %s needs %s int8", o.Kind, FlagSymmetric, FlagPrecision)
	case !(o.Threshold >= 0 && o.Threshold <= 10):
		return optionError("a threshold of %g, want a relative error from 0 (none) to 10 (%s)", o.Threshold, FlagThreshold)
	case o.Percentile != 0 && o.Method != Percentile:
		return optionError("%s needs %s percentile", FlagPercentile, FlagMethod)
	case o.Percentile != 0 && !(o.Percentile > 50 && o.Percentile <= 100):
		return optionError("%g %% of the numbers, want more than 50 and at most 100 (%s)", o.Percentile, FlagPercentile)
	case o.Kind == Float32 && o.Pictures != nil:
		return optionError("fp32 is not calibrated: %s needs %s fp16 or int8", FlagCalibration, FlagPrecision)
	case o.Kind == Float32 && len(o.Keep) > 0:
		return optionError("all of fp32 is float: %s needs %s fp16 or int8", FlagKeep, FlagPrecision)
	case o.Kind == Int8 && (o.Pictures == nil || o.Pictures.Len() == 0):
		return optionError("int8 needs pictures to measure ranges on (%s, a folder or a picture)", FlagCalibration)
	}
	return nil
}

func optionError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", compile.ErrOptions, fmt.Sprintf(format, args...))
}

// Kept is a node that stays float, and why.
type Kept struct {
	Node   string `json:"node"`
	Op     string `json:"op"`
	Reason string `json:"reason"`
}

// Record is the value of compile.KeyPrecision.
type Record struct {
	Precision  string  `json:"precision"`
	Method     string  `json:"method,omitempty"`     // of calibration
	Percentile float64 `json:"percentile,omitempty"` // with method percentile
	Symmetric  bool    `json:"symmetric,omitempty"`  // activations of int8 have zero points of 0
	Pictures   int     `json:"pictures"`             // that were measured on; 0 for those that the compiler made itself
	Float      []Kept  `json:"float"`                // the convolutions and the like that stay float
}

// Read gives the record of a model's metadata; nil if it has none. The error names the key.
func Read(metadata map[string]string) (*Record, error) {
	text, ok := metadata[compile.KeyPrecision]
	if !ok {
		return nil, nil
	}
	r := &Record{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", compile.KeyPrecision, err)
	}
	return r, nil
}

// Report says what Convert did.
type Report struct {
	Record
	// Nodes is how many nodes compute in the smaller type, of All.
	Nodes, All int
	// Layers are the errors of each layer alone, in the graph's order; of Int8 only.
	Layers []Layer
	// Agreement compares the result with the float network on the pictures; nil where there is nothing to compare.
	Agreement *Agreement
}

// Convert gives a network of m's interface that computes in smaller numbers. m is not changed and keeps its metadata;
// its graph must have one input of pictures, and be float32.
func Convert(ctx context.Context, m *onnx.Model, o Options) (*onnx.Model, *Report, error) {
	if err := o.Check(); err != nil {
		return nil, nil, err
	}
	if o.Engine == nil {
		o.Engine = runtime.Embedded
	}
	if o.Percentile == 0 && o.Method == Percentile {
		o.Percentile = DefaultPercentile
	}
	if old, err := Read(onnx.Metadata(m)); err != nil {
		return nil, nil, err
	} else if old != nil {
		return nil, nil, optionError("the model is %s already: compile %s from its float form (%s)", old.Precision, o.Kind, FlagPrecision)
	}
	if f := onnx.Metadata(m)[compile.KeyForm]; f == compile.TrainingForm.String() && o.Kind != Float32 {
		return nil, nil, optionError("a training form is float32: %s %s needs --form inference", FlagPrecision, o.Kind)
	}
	var out *onnx.Model
	var r *Report
	var err error
	switch o.Kind {
	case Float32:
		return m, &Report{Record: Record{Precision: Float32.String()}}, nil
	case Float16:
		out, r, err = toHalf(ctx, pass.Copy(m), o)
	default:
		out, r, err = toInt8(ctx, pass.Copy(m), o)
	}
	if err != nil {
		return nil, nil, err
	}
	r.Precision = o.Kind.String()
	if o.Kind == Int8 {
		r.Method, r.Percentile, r.Symmetric = o.Method.String(), o.Percentile, o.Symmetric
	}
	text, err := json.Marshal(r.Record)
	if err != nil {
		return nil, nil, err
	}
	onnx.SetMetadata(out, compile.KeyPrecision, string(text))
	if o.Pictures != nil {
		r.Agreement, err = compare(ctx, m, out, o)
	}
	return out, r, err
}

// kept reports whether Options.Keep names a node.
func (o *Options) kept(name string) bool {
	return slices.ContainsFunc(o.Keep, func(k string) bool {
		return name == k || strings.HasPrefix(name, strings.TrimSuffix(k, "/")+"/")
	})
}

// checkKeep refuses names that no node has, which would be kept silently as nothing.
func (o *Options) checkKeep(g *graph) error {
	for _, k := range o.Keep {
		one := Options{Keep: []string{k}}
		if !slices.ContainsFunc(g.Node, func(n *onnx.Node) bool { return one.kept(n.GetName()) }) {
			return optionError("no node is named %q, nor begins with %q (%s)", k, strings.TrimSuffix(k, "/")+"/", FlagKeep)
		}
	}
	return nil
}
