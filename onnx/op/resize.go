package op

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"autodeeplab/onnx/tensor"
)

// resizeRules covers Resize and its forerunner Upsample.
var resizeRules = map[string]Rule{"Resize": resize, "Upsample": resize}

// ResizeAxis says how one axis is resampled.
type ResizeAxis struct {
	In, Out int
	// Scale is the factor that coordinates are divided by: what "scales" says, else Out/In, or the common factor of
	// keep_aspect_ratio_policy.
	Scale float64
	// Length is the length_resized of align_corners: Out where "sizes" gives it, else In·Scale, which need not be whole.
	// (ONNX's reference and node tests take it so; ONNX Runtime 1.30 takes Out in both cases.)
	Length float64
	// Start and End are the region of interest in units of the source's last index; 0 and 1 unless
	// coordinate_transformation_mode is tf_crop_and_resize.
	Start, End float64
}

// Keeps reports whether the axis comes out as it goes in.
func (a ResizeAxis) Keeps() bool {
	return a.In == a.Out && a.Scale == 1 && a.Start == 0 && a.End == 1
}

// The values that the attributes of Resize may have; the compiler's and the runtime's tables are keyed by them.
var (
	resizeModes   = []string{"nearest", "linear", "cubic"}
	resizeCoords  = []string{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"}
	resizeNearest = []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}
	resizePolicy  = []string{"stretch", "not_larger", "not_smaller"}
)

func resize(c *Call) error {
	if err := resizeAttrs(c); err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	if x.Rank() == 0 {
		return fmt.Errorf("input %q is a scalar, want at least 1 dimension", c.InputName(0))
	}
	scales, sizes, err := c.resizeInputs()
	if err != nil {
		return err
	}
	axes, err := c.resizeTargets(scales, sizes)
	if err != nil {
		return err
	}
	dims := SameDims(x)
	if sizes == nil {
		err = c.scaleDims(dims, axes, scales)
	} else {
		err = c.sizeDims(dims, axes, sizes)
	}
	if err != nil {
		return err
	}
	c.Out[0].Dims = dims
	return nil
}

// scaleDims sets the dims of the given axes by the input scales, as far as its contents are known.
func (c *Call) scaleDims(dims []Dim, axes []int, scales *Info) error {
	if scales.Value == nil {
		for _, a := range axes {
			dims[a] = Named("")
		}
		return nil
	}
	f := tensor.Data[float32](scales.Value)
	if len(f) != len(axes) {
		return fmt.Errorf("%d scales, want %d", len(f), len(axes))
	}
	for i, a := range axes {
		d, err := c.scaled(dims[a], f[i])
		if err != nil {
			return fmt.Errorf("axis %d: %w", a, err)
		}
		dims[a] = d
	}
	return nil
}

// sizeDims sets the dims of the given axes by the input sizes, as far as its contents are known.
func (c *Call) sizeDims(dims []Dim, axes []int, sizes *Info) error {
	given, ok := sizes.PartialInts()
	if !ok {
		if v, known := sizes.Ints(); known {
			return fmt.Errorf("input \"sizes\" is %v, want no negative size", v)
		}
		given = make([]Dim, len(axes))
		for i := range given {
			given[i] = Named("")
		}
	}
	if len(given) != len(axes) {
		return fmt.Errorf("%d sizes, want %d", len(given), len(axes))
	}
	if c.keepsRatio() {
		return keepRatio(c, dims, axes, given)
	}
	for i, a := range axes {
		if dims[a].Size == 0 && given[i].Size > 0 {
			return fmt.Errorf("axis %d is empty and cannot be resized to %d", a, given[i].Size)
		}
		dims[a] = given[i]
	}
	return nil
}

// keepsRatio reports whether the sizes are only a wish that the common scale of all axes comes near to.
func (c *Call) keepsRatio() bool {
	p := c.Attrs.String("keep_aspect_ratio_policy")
	return p == "not_larger" || p == "not_smaller"
}

func resizeAttrs(c *Call) error {
	for _, t := range []struct {
		name   string
		values []string
	}{
		{"mode", resizeModes}, {"coordinate_transformation_mode", resizeCoords}, {"nearest_mode", resizeNearest},
		{"keep_aspect_ratio_policy", resizePolicy},
	} {
		values := t.values
		if t.name == "mode" && c.Schema.Since < 11 {
			values = resizeModes[:2]
		}
		if v := c.Attrs.String(t.name); c.Attrs.Has(t.name) && !slices.Contains(values, v) {
			return fmt.Errorf("attribute %q is %q, want one of %v", t.name, v, values)
		}
	}
	antialias, err := c.flag("antialias")
	if err != nil {
		return err
	}
	outside, err := c.flag("exclude_outside")
	if err != nil {
		return err
	}
	if (antialias || outside) && c.Attrs.String("mode") == "nearest" {
		return fmt.Errorf("attributes \"antialias\" and \"exclude_outside\" have no meaning for mode nearest, want 0")
	}
	if a := float64(c.Attrs.Float("cubic_coeff_a")); math.IsNaN(a) || math.IsInf(a, 0) {
		return fmt.Errorf("attribute \"cubic_coeff_a\" is %g, want a finite number", a)
	}
	return nil
}

// resizeInputs finds the inputs "scales" and "sizes"; the one that is not used is nil. An empty "scales" counts as left
// out (opset 11 has no other way to say it).
func (c *Call) resizeInputs() (scales, sizes *Info, err error) {
	switch {
	case c.Schema.Since == 7: // Upsample: an attribute
		f := c.Attrs.Floats("scales")
		info := Const(tensor.Of(f, len(f)))
		return &info, nil, nil
	case c.Schema.Since < 11:
		return c.In[1], nil, nil
	}
	given := func(i int) *Info {
		in := c.Input(i)
		if in != nil && in.HasRank() && in.Rank() == 1 && in.Dims[0].Size == 0 {
			return nil
		}
		return in
	}
	scales, sizes = given(2), given(3)
	switch {
	case scales == nil && sizes == nil:
		return nil, nil, fmt.Errorf("neither input \"scales\" nor input \"sizes\" is given, want one of them")
	case scales != nil && sizes != nil:
		if n, known := scales.Sizes(); known {
			return nil, nil, fmt.Errorf("inputs \"scales\" (of %v) and \"sizes\" are both given, want one of them", n)
		}
		return nil, sizes, nil // scales may still turn out to be empty
	}
	return scales, sizes, nil
}

// resizeTargets gives the axes that scales, sizes and roi are about, and checks how many values those have.
func (c *Call) resizeTargets(scales, sizes *Info) ([]int, error) {
	rank := c.In[0].Rank()
	var axes []int
	if list := c.Attrs.Ints("axes"); len(list) > 0 {
		for _, a := range list {
			k, err := normalAxis("attribute \"axes\"", a, rank)
			if err != nil {
				return nil, err
			}
			if slices.Contains(axes, k) {
				return nil, fmt.Errorf("attribute \"axes\" is %v, which names axis %d twice", list, k)
			}
			axes = append(axes, k)
		}
	} else {
		for k := range rank {
			axes = append(axes, k)
		}
	}
	check := func(name string, in *Info, want int) error {
		if in == nil || !in.HasRank() {
			return nil
		}
		if in.Rank() != 1 || in.Dims[0].IsKnown() && in.Dims[0].Size != want {
			return fmt.Errorf("%s is %s, want %d values for %d axes", name, in, want, len(axes))
		}
		return nil
	}
	if err := check("\"scales\"", scales, len(axes)); err != nil {
		return nil, err
	}
	if err := check("input \"sizes\"", sizes, len(axes)); err != nil {
		return nil, err
	}
	if c.cropped() {
		roi := c.Input(1)
		if roi == nil {
			return nil, fmt.Errorf("input \"roi\" is left out, but tf_crop_and_resize needs it")
		}
		if err := check("input \"roi\"", roi, 2*len(axes)); err != nil {
			return nil, err
		}
	}
	return axes, nil
}

func (c *Call) cropped() bool {
	return c.Attrs.String("coordinate_transformation_mode") == "tf_crop_and_resize"
}

// scaled gives ⌊d·f⌋. The product is exact, as ONNX's shape inference and reference take it; ONNX Runtime rounds it to
// float32 first, which can be one more (10 × 0.7).
func (c *Call) scaled(d Dim, f float32) (Dim, error) {
	least := "greater than 0"
	if c.Schema.Name == "Upsample" {
		least = "at least 1"
	}
	if !(f > 0) || f > math.MaxFloat32 || c.Schema.Name == "Upsample" && f < 1 {
		return d, fmt.Errorf("scale %g, want a finite number %s", f, least)
	}
	switch {
	case f == 1:
		return d, nil
	case !d.IsKnown():
		return Named(""), nil
	}
	n := math.Floor(float64(d.Size) * float64(f))
	if n > float64(c.Limits.MaxElems) {
		return d, fmt.Errorf("%w: %d times %g is more than %d elements (--limit tensor-elements)", ErrLimit, d.Size, f, c.Limits.MaxElems)
	}
	return Known(int(n)), nil
}

// keepRatio sets the resized dims for the policies not_larger and not_smaller. The common scale is the smallest
// or largest sizes[i]/in[i], and every axis becomes round(scale·in), halves up, all in exact fractions.
func keepRatio(c *Call, dims []Dim, axes []int, sizes []Dim) error {
	num, den, known, err := commonRatio(c, dims, axes, sizes)
	if err != nil {
		return err
	}
	for _, a := range axes {
		if !known {
			dims[a] = Named("")
			continue
		}
		hi, lo := bits.Mul64(2*uint64(num), uint64(dims[a].Size))
		lo, carry := bits.Add64(lo, uint64(den), 0)
		if hi += carry; hi >= 2*uint64(den) {
			return fmt.Errorf("%w: %d times %d/%d", ErrLimit, dims[a].Size, num, den)
		}
		q, _ := bits.Div64(hi, lo, 2*uint64(den))
		if q > uint64(c.Limits.MaxElems) {
			return fmt.Errorf("%w: axis %d would be %d long", ErrLimit, a, q)
		}
		dims[a] = Known(int(q))
	}
	return nil
}

// commonRatio finds the scale num/den that keep_aspect_ratio_policy chooses; known is false if a size is not known.
func commonRatio(c *Call, dims []Dim, axes []int, sizes []Dim) (num, den int, known bool, err error) {
	larger := c.Attrs.String("keep_aspect_ratio_policy") == "not_smaller"
	for i, a := range axes {
		in, want := dims[a], sizes[i]
		if !in.IsKnown() || !want.IsKnown() {
			return 0, 0, false, nil
		}
		if in.Size == 0 || in.Size > maxSource || want.Size > maxSource {
			return 0, 0, false, fmt.Errorf("axis %d of %d cannot be resized to about %d, want sizes from 1 to %d", a, in.Size, want.Size, maxSource)
		}
		h1, l1 := bits.Mul64(uint64(want.Size), uint64(max(den, 1)))
		h2, l2 := bits.Mul64(uint64(num), uint64(in.Size))
		if greater := h1 > h2 || h1 == h2 && l1 > l2; i == 0 || greater == larger {
			num, den = want.Size, in.Size
		}
	}
	return num, den, true, nil
}

// ResizeAxes works out how Resize or Upsample resamples each axis of input 0, once all sizes and the contents of the
// inputs scales, sizes and roi are known.
func ResizeAxes(c *Call) ([]ResizeAxis, error) {
	c.Out = []Info{{}}
	if err := resize(c); err != nil {
		return nil, err
	}
	in, ok := c.In[0].Sizes()
	if !ok {
		return nil, fmt.Errorf("the size of input %q is not known", c.InputName(0))
	}
	out, ok := c.Out[0].Sizes()
	if !ok {
		return nil, fmt.Errorf("the contents of input \"scales\" or \"sizes\" are not known")
	}
	scales, sizes, err := c.resizeInputs()
	if err != nil {
		return nil, err
	}
	targets, err := c.resizeTargets(scales, sizes)
	if err != nil {
		return nil, err
	}
	axes := make([]ResizeAxis, len(in))
	for k := range axes {
		axes[k] = ResizeAxis{In: in[k], Out: out[k], Scale: 1, Length: float64(out[k]), End: 1}
	}
	roi, err := c.roi(len(targets))
	if err != nil {
		return nil, err
	}
	for i, k := range targets {
		a := &axes[k]
		if roi != nil {
			a.Start, a.End = roi[i], roi[len(targets)+i]
		}
		if sizes == nil {
			a.Scale = float64(tensor.Data[float32](scales.Value)[i])
			a.Length = float64(a.In) * a.Scale
		} else if a.In > 0 {
			a.Scale = float64(a.Out) / float64(a.In)
		}
	}
	if sizes != nil && c.keepsRatio() {
		given, _ := sizes.PartialInts()
		num, den, _, err := commonRatio(c, c.In[0].Dims, targets, given)
		if err != nil {
			return nil, err
		}
		for _, k := range targets {
			axes[k].Scale = float64(num) / float64(den)
			axes[k].Length = float64(axes[k].In) * axes[k].Scale
		}
	}
	return axes, nil
}

// roi reads the region of interest: n starts and n ends, or nil where it has no meaning.
func (c *Call) roi(n int) ([]float64, error) {
	if !c.cropped() {
		return nil, nil
	}
	in := c.Input(1)
	var v []float64
	switch {
	case in == nil || in.Value == nil:
		return nil, fmt.Errorf("the contents of input \"roi\" are not known")
	case in.Value.DType == tensor.Float64:
		v = tensor.Data[float64](in.Value)
	case in.Value.DType == tensor.Float32:
		for _, x := range tensor.Data[float32](in.Value) {
			v = append(v, float64(x))
		}
	case in.Value.DType == tensor.Float16:
		for _, x := range tensor.Data[tensor.F16](in.Value) {
			v = append(v, float64(x.Float32()))
		}
	}
	if len(v) != 2*n {
		return nil, fmt.Errorf("input \"roi\" has %d values, want %d", len(v), 2*n)
	}
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("input \"roi\" is %v, want finite numbers", v)
		}
	}
	return v, nil
}
