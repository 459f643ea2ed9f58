package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"autodeeplab/compile"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/segmenter"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// ErrOptions is wrapped by the errors for Options that are out of range or that the models cannot serve.
var ErrOptions = errors.New("verification")

func optionError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...)
}

// Level says what is compared.
type Level int

const (
	// Auto compares values where both sides give the same kind of thing in the same precision, else labels.
	Auto Level = iota
	// Values compares the outputs' numbers.
	Values
	// Labels compares the class of each pixel.
	Labels
)

// LevelNames are the names of the constants on the command line.
var LevelNames = []string{"auto", "values", "labels"}

// Defaults of Options. A model of 16-bit floats rounds to 11 bits, layer after layer; one step of int8 is 0.004 of the
// range.
const (
	DefaultTolerance     = 1e-3
	DefaultToleranceHalf = 1e-2
	DefaultToleranceInt8 = 3e-2
	DefaultAgreement     = 0.999
	defaultMemory        = 512 << 20
)

// Options say what two sides are given, and when they agree. The zero Options compare the outputs for one seeded input.
type Options struct {
	// Pictures go through each model's own preprocessing; none means one seeded input.
	Pictures []Picture
	// Seed of the seeded input; Shapes gives shapes by input name; Height and Width are those of pictures for a model of
	// dynamic size, 0 for none.
	Seed          uint64
	Shapes        map[string][]int
	Height, Width int
	// MaxSide bounds the sides of pictures for a model of dynamic size, 0 for no bound.
	MaxSide int

	Level Level
	// Tolerance is the largest error allowed as a share of the reference's range; 0 means the default
	// for the coarser precision of the two models.
	Tolerance float64
	// Agreement is the least share of pixels that must have the same label; 0 means DefaultAgreement. At Level Values it is
	// reported, but not asked for.
	Agreement float64

	// Layers compares the values inside, too, of the nodes in topological order, and stops at the first that differ by more
	// than Tolerance; All goes on. Unfused has the embedded engine compute every node by itself. Match pairs the values of
	// two models.
	Layers, All, Unfused bool
	Match                Match
	// Memory is about how many bytes of inner values are held at once; 0 means 512 MiB.
	Memory int
}

func (o *Options) tolerance() float64 { return pick(o.Tolerance, DefaultTolerance) }
func (o *Options) agreement() float64 { return pick(o.Agreement, DefaultAgreement) }
func (o *Options) memory() int        { return pick(o.Memory, defaultMemory) }

func pick[T int | float64](v, standard T) T {
	if v > 0 {
		return v
	}
	return standard
}

// defaultTolerances are by Precision.
var defaultTolerances = map[string]float64{"float32": DefaultTolerance, "float16": DefaultToleranceHalf, "int8": DefaultToleranceInt8}

// Report is what Run found.
type Report struct {
	Subject   string `json:"subject"`
	Reference string `json:"reference"`
	// Level is what was compared, "values" or "labels"; Reason is why, where Auto chose labels.
	Level  string `json:"level"`
	Reason string `json:"reason,omitempty"`
	// Inputs describes what both were given, one entry a sample.
	Inputs []string `json:"inputs"`
	// Outputs are of all samples, each with its worst difference. They are there at Level values.
	Outputs []Output `json:"outputs,omitempty"`
	// Labels are of all samples; nil for models that give no labels.
	Labels    *LabelReport `json:"labels,omitempty"`
	Tolerance float64      `json:"tolerance"`
	Agreement float64      `json:"agreement"`
	// Layers are of the first sample in which an inner value differs, else of the last one; nil where not asked for.
	Layers *Layers `json:"layers,omitempty"`
	// Agree says that all that was asked for is within its bound.
	Agree bool `json:"agree"`
}

// Output is one output of the subject, compared with the reference's.
type Output struct {
	Name    string `json:"name"`
	Partner string `json:"partner,omitempty"`
	// Sample is the one of the largest difference.
	Sample     string     `json:"sample"`
	Difference Difference `json:"difference"`
	Agree      bool       `json:"agree"`
}

// comparison is one call of Run.
type comparison struct {
	*Options
	sides    [2]*Side // subject, reference
	sessions [2]runtime.Session
	models   [2]*segmenter.Model // nil for what is no segmentation network
	why      [2]error
	outputs  [][2]string // pairs
	report   *Report
	labels   *labelCount
}

// Run compares the subject with the reference. That they differ is no error, but in the report; errors are for what
// cannot be compared, and wrap ErrOptions where the options are to blame.
func Run(ctx context.Context, subject, reference *Side, o Options) (*Report, error) {
	c := &comparison{Options: &o, sides: [2]*Side{subject, reference}, report: &Report{
		Subject: subject.Name, Reference: reference.Name, Tolerance: o.tolerance(), Agreement: o.agreement(), Agree: true,
	}}
	for _, s := range c.sides {
		if o.Tolerance <= 0 {
			c.report.Tolerance = max(c.report.Tolerance, defaultTolerances[Precision(s.Model)])
		}
	}
	c.Tolerance = c.report.Tolerance
	if err := c.open(); err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.settleLevel(); err != nil {
		return nil, err
	}
	samples, err := c.samples()
	if err != nil {
		return nil, err
	}
	for _, load := range samples {
		s, err := load()
		if err != nil {
			return nil, err
		}
		if err := c.one(ctx, s); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if c.labels != nil {
		c.report.Labels = c.labels.report()
		if c.report.Level == LevelNames[Labels] && c.report.Labels.Agreement < c.report.Agreement {
			c.report.Agree = false
		}
	}
	return c.report, nil
}

func (c *comparison) open() error {
	for i, s := range c.sides {
		session, err := s.Engine.LoadModel(s.Model, s.Options)
		if err != nil {
			c.close()
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		c.sessions[i] = session
		c.models[i], c.why[i] = segmenter.Open(session)
		if c.why[i] != nil {
			c.models[i] = nil
		}
	}
	return nil
}

func (c *comparison) close() {
	for _, s := range c.sessions {
		if s != nil {
			s.Close()
		}
	}
}

// one compares one sample.
func (c *comparison) one(ctx context.Context, s *sample) error {
	c.report.Inputs = append(c.report.Inputs, s.name+": "+describe(s.inputs[0], c.sessions[0]))
	var out [2]map[string]*tensor.Tensor
	for i, session := range c.sessions {
		var err error
		if out[i], err = session.Run(ctx, s.inputs[i]); err != nil {
			return fmt.Errorf("%s: %w", c.sides[i].Name, err)
		}
	}
	if c.report.Level == LevelNames[Values] {
		c.compareOutputs(s, out)
	}
	if c.models[0] != nil && c.models[1] != nil {
		if err := c.compareLabels(s, out); err != nil && c.report.Level == LevelNames[Labels] {
			return err
		}
	}
	if !c.Layers || c.report.Layers != nil && len(c.report.Layers.Different) > 0 {
		return nil
	}
	layers, err := c.layers(ctx, c.sides, s)
	if err != nil {
		return err
	}
	c.report.Layers = layers
	if len(layers.Different) > 0 {
		c.report.Agree = false
	}
	return nil
}

// compareOutputs keeps the worst difference of each output.
func (c *comparison) compareOutputs(s *sample, out [2]map[string]*tensor.Tensor) {
	for k, names := range c.outputs {
		d := Compare(out[0][names[0]], out[1][names[1]], false)
		o := Output{Name: names[0], Sample: s.name, Difference: d, Agree: d.Within(c.tolerance())}
		if d.exact && c.models[0] != nil && c.models[1] != nil && names[0] == c.models[0].Output.Name && d.Compatible() {
			o.Agree = d.share() >= c.agreement() // labels: ties fall either way
		}
		if names[1] != names[0] {
			o.Partner = names[1]
		}
		if !o.Agree {
			c.report.Agree = false
		}
		switch {
		case k >= len(c.report.Outputs):
			c.report.Outputs = append(c.report.Outputs, o)
		case worse(&o, &c.report.Outputs[k]):
			c.report.Outputs[k] = o
		}
	}
}

func worse(a, b *Output) bool {
	switch {
	case a.Agree != b.Agree:
		return b.Agree
	case a.Difference.Compatible() != b.Difference.Compatible():
		return b.Difference.Compatible()
	}
	return a.Difference.Relative > b.Difference.Relative
}

// settleLevel decides what is compared, and pairs the outputs.
func (c *comparison) settleLevel() error {
	level, reason := c.Level, ""
	if level == Auto {
		level, reason = Values, c.unlike()
		if reason != "" {
			level = Labels
		}
	}
	if level == Labels {
		for i, m := range c.models {
			if m == nil {
				if reason != "" {
					return optionError("%s, and %s gives no labels to compare: %w", reason, c.sides[i].Name, c.why[i])
				}
				return optionError("%s gives no labels: %w (--by values)", c.sides[i].Name, c.why[i])
			}
		}
	}
	c.report.Level, c.report.Reason = LevelNames[level], reason
	return c.pairOutputs(level)
}

// unlike says why the outputs' numbers cannot be expected to be equal, "" if they can.
func (c *comparison) unlike() string {
	if c.sides[0].Model == c.sides[1].Model {
		return ""
	}
	if c.models[0] != nil && c.models[1] != nil {
		kinds := [2]string{c.kind(0), c.kind(1)}
		if kinds[0] != kinds[1] {
			return fmt.Sprintf("one gives %s, the other one %s", kinds[0], kinds[1])
		}
		a, b := c.models[0], c.models[1]
		if a.Output.DType != b.Output.DType && !(a.Output.DType.IsFloat() && b.Output.DType.IsFloat()) {
			return fmt.Sprintf("one gives %s, the other one %s", &a.Output.Info, &b.Output.Info)
		}
		if len(a.Output.Dims) == len(b.Output.Dims) {
			for k, d := range a.Output.Dims {
				if e := b.Output.Dims[k]; d.IsKnown() && e.IsKnown() && d.Size != e.Size {
					return fmt.Sprintf("one gives %s, the other one %s", &a.Output.Info, &b.Output.Info)
				}
			}
		}
	}
	if p, q := Precision(c.sides[0].Model), Precision(c.sides[1].Model); p != q {
		return fmt.Sprintf("one is of %s, the other one of %s", p, q)
	}
	return ""
}

// kind is what a side gives, "scores" where its metadata do not say more.
func (c *comparison) kind(i int) string {
	if d, err := compile.ReadDeployed(c.sessions[i].Metadata()); err == nil && d.Output != compile.OutputKept {
		return d.Output.String()
	}
	if c.models[i].Labels() {
		return compile.OutputLabels.String()
	}
	return compile.OutputLogits.String()
}

// Precision names the arithmetic of a model by its operators and weights: "int8" (it quantises), "float16", or "float32".
func Precision(m *onnx.Model) string {
	for _, n := range m.GetGraph().GetNode() {
		if quantises(n.GetOpType()) || n.GetOpType() == "DequantizeLinear" || n.GetOpType() == "ConvInteger" || n.GetOpType() == "MatMulInteger" {
			return "int8"
		}
	}
	for _, t := range m.GetGraph().GetInitializer() {
		if d := tensor.DType(t.GetDataType()); d == tensor.Float16 || d == tensor.BFloat16 {
			return "float16"
		}
	}
	return "float32"
}

// pairOutputs pairs the outputs by name, the only ones of both whatever they are called.
func (c *comparison) pairOutputs(level Level) error {
	if level != Values {
		return nil
	}
	a, b := c.sessions[0].Outputs(), c.sessions[1].Outputs()
	for _, v := range a {
		if slices.ContainsFunc(b, func(w runtime.Value) bool { return w.Name == v.Name }) {
			c.outputs = append(c.outputs, [2]string{v.Name, v.Name})
		}
	}
	if len(c.outputs) == 0 && len(a) == 1 && len(b) == 1 {
		c.outputs = [][2]string{{a[0].Name, b[0].Name}}
	}
	if len(c.outputs) == 0 {
		return optionError("the two sides have no output in common: %v and %v", a, b)
	}
	return nil
}

// labelsOf makes the mask of a sample at the picture's size.
func (c *comparison) labelsOf(i int, s *sample, out map[string]*tensor.Tensor) (*imageio.Mask, error) {
	fit := s.fits[i]
	fit.Aligned = c.models[i].Aligned
	m, err := fit.Labels(out[c.models[i].Output.Name], c.sides[i].Options.Threads)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.sides[i].Name, err)
	}
	return m, nil
}

func (c *comparison) compareLabels(s *sample, out [2]map[string]*tensor.Tensor) error {
	if s.fits[0].PhotoW == 0 {
		return nil
	}
	have, err := c.labelsOf(0, s, out[0])
	if err != nil {
		return err
	}
	want, err := c.labelsOf(1, s, out[1])
	if err != nil {
		return err
	}
	if c.labels == nil {
		c.labels = newLabelCount()
	}
	return c.labels.add(s.name, have, want)
}

// describe lists inputs with type and shape, in the session's order.
func describe(inputs map[string]*tensor.Tensor, s runtime.Session) string {
	text := ""
	for i, v := range s.Inputs() {
		if i > 0 {
			text += ", "
		}
		text += v.Name + " " + inputs[v.Name].String()
	}
	return text
}
