package compile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
)

// SizeRanges says which sizes a deployed model takes: the value of KeySizes.
type SizeRanges struct {
	Batch  Range `json:"batch"`
	Height Range `json:"height"`
	Width  Range `json:"width"`
}

// Range is the sizes allowed of an axis, Min and Max included; they are equal where the axis is fixed.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Deployed is what the metadata of a deployed model say of its interface.
type Deployed struct {
	// Input is InputUint8 or InputFloat.
	Input Input
	// Output is what comes out; OutputKept, for a model that Deploy has not made.
	Output Output
	// OutputStride is 1 or 4; 0 where it is something else.
	OutputStride int
	Sizes        SizeRanges
	// Views is nil for one view of the picture.
	Views *Views
	// Passes are the names of the passes that ran.
	Passes []string
}

// Views are what multi-scale inference averages over.
type Views struct {
	Scales []float64 `json:"scales"`
	Flip   bool      `json:"flip"`
}

// ReadDeployed reads what Deploy wrote into metadata_props. A model without it gives the zero Deployed but for what its
// KeyInput says. The error names the key that cannot be read.
func ReadDeployed(metadata map[string]string) (Deployed, error) {
	d := Deployed{Input: InputFloat}
	if metadata[KeyInput] == InputConventionUint8 {
		d.Input = InputUint8
	}
	kind, ok := metadata[KeyOutput]
	if !ok {
		return d, nil
	}
	var err error
	if d.Output, err = ParseOutput(kind); err != nil || kind == "" {
		return d, fmt.Errorf("metadata %s: %.20q, want %s", KeyOutput, kind, strings.Join(outputNames[1:], ", "))
	}
	if text, ok := metadata[KeyOutputStride]; ok {
		if d.OutputStride, err = strconv.Atoi(text); err != nil || d.OutputStride != 1 && d.OutputStride != 4 {
			return d, fmt.Errorf("metadata %s: %.20q, want 1 or 4", KeyOutputStride, text)
		}
	}
	for key, into := range map[string]any{KeySizes: &d.Sizes, KeyViews: &d.Views, KeyPasses: &d.Passes} {
		if text, ok := metadata[key]; ok {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return d, fmt.Errorf("metadata %s: %w", key, err)
			}
		}
	}
	return d, nil
}

// describe writes the metadata of the result.
func (d *deployment) describe(m *onnx.Model) error {
	old := onnx.Metadata(d.source)
	set := func(key, value string) { onnx.SetMetadata(m, key, value) }
	if _, ok := old[KeyProducer]; !ok {
		set(KeyProducer, strings.TrimSpace(d.source.GetProducerName()+" "+d.source.GetProducerVersion()))
	}
	set(KeyVersion, MetadataVersion)
	set(KeyForm, InferenceForm.String())
	_, inside := old[KeyInput]
	if d.Mean != nil || d.Std != nil {
		inside = true
		if err := d.setNormalisation(m, d.Mean, d.Std); err != nil {
			return err
		}
	} else if _, known := old[KeyMean]; inside && !known {
		// Compile's own: x·2/255 − 1.
		if err := d.setNormalisation(m, []float64{127.5}, []float64{127.5}); err != nil {
			return err
		}
	}
	if d.Input == InputUint8 {
		set(KeyInput, InputConventionUint8)
	} else if inside && !d.bytes {
		set(KeyInput, InputConvention)
	}
	set(KeyOutput, d.wanted().String())
	stride := d.OutputStride
	if stride == 0 {
		stride = d.scores.stride
	}
	if stride == 0 && d.averages() {
		stride = 1
	}
	if stride != 0 {
		set(KeyOutputStride, strconv.Itoa(stride))
	}
	if d.scores.classes > 0 {
		set(KeyClasses, strconv.Itoa(d.scores.classes))
	}
	if err := setJSON(m, KeySizes, d.sizes()); err != nil {
		return err
	}
	if d.averages() {
		v := Views{Flip: d.Flip}
		for _, p := range d.views() {
			v.Scales = append(v.Scales, float64(p)/100)
		}
		if err := setJSON(m, KeyViews, v); err != nil {
			return err
		}
	}
	if err := d.describePasses(m, old[KeyPasses]); err != nil {
		return err
	}
	if d.Dataset != "" {
		set(KeyDataset, d.Dataset)
	}
	return setClasses(m, d.ClassNames, d.Palette)
}

// describePasses writes which passes have run, now and before: the value of KeyPasses, in the table's order.
func (d *deployment) describePasses(m *onnx.Model, old string) error {
	var before []string
	if old != "" {
		if err := json.Unmarshal([]byte(old), &before); err != nil {
			return fmt.Errorf("metadata %s: %w", KeyPasses, err)
		}
	}
	now, err := pass.Select(d.Passes.Skip, d.Passes.With)
	if err != nil {
		return err
	}
	var names []string
	for _, p := range pass.All {
		if slices.Contains(before, p.Name) || slices.ContainsFunc(now, func(q pass.Pass) bool { return q.Name == p.Name }) {
			names = append(names, p.Name)
		}
	}
	return setJSON(m, KeyPasses, names)
}

func (d *deployment) setNormalisation(m *onnx.Model, mean, std []float64) error {
	if mean == nil {
		mean = []float64{0}
	}
	scale := []float64{1}
	if std != nil {
		scale = nil
	}
	for _, s := range std {
		scale = append(scale, 1/s)
	}
	if err := setJSON(m, KeyMean, mean); err != nil {
		return err
	}
	return setJSON(m, KeyScale, scale)
}

// sizes are the sizes that the result takes. What a network from elsewhere takes of dynamic axes is not known beyond
// that it is at least 1; one that was deployed before says it itself.
func (d *deployment) sizes() SizeRanges {
	s := SizeRanges{Batch: Range{1, maxBatch}, Height: Range{1, maxSide}, Width: Range{1, maxSide}}
	if before, err := ReadDeployed(onnx.Metadata(d.source)); err == nil && before.Sizes.Height.Max > 0 && d.architecture == nil {
		s = before.Sizes
	} else if a, err := Architecture(d.source); err == nil {
		s.Height.Min, s.Width.Min = MinimumSide(a), MinimumSide(a)
	}
	for _, side := range []*Range{&s.Height, &s.Width} {
		for _, percent := range d.views() {
			*side = side.at(percent)
		}
	}
	for _, axis := range []struct {
		r *Range
		n int
	}{{&s.Batch, d.axes.batch}, {&s.Height, d.axes.height}, {&s.Width, d.axes.width}} {
		if axis.n != 0 {
			*axis.r = Range{axis.n, axis.n}
		}
	}
	return s
}

// at narrows a range to the sizes that, scaled by a percentage, are in it, too.
func (r Range) at(percent int) Range {
	low, high := r.Min, r.Max
	for low < high && scaledSide(low, percent) < r.Min {
		low++
	}
	for high > low && scaledSide(high, percent) > r.Max {
		high--
	}
	return Range{low, high}
}
