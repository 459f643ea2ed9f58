package op

import (
	"fmt"
	"slices"
)

// convRules covers the convolutions.
var convRules = map[string]Rule{
	"Conv":          convInputs{x: 0, w: 1, bias: 2}.rule,
	"ConvTranspose": convInputs{x: 0, w: 1, bias: 2, transposed: true}.rule,
	"ConvInteger":   convInputs{x: 0, w: 1, bias: -1, perChannel: []int{3}, single: []int{2}}.rule,
	"QLinearConv":   convInputs{x: 0, w: 3, bias: 8, perChannel: []int{4, 5}, single: []int{1, 2, 6, 7}}.rule,
}

// convInputs says where the operators of the family have their inputs.
type convInputs struct {
	x, w, bias int
	perChannel []int // quantization parameters, one value or one for each output channel
	single     []int // quantization parameters of one value
	transposed bool
}

// ConvAxis says how a kernel lies over one spatial axis. In a convolution, output o meets source
// o·Stride − Begin + k·Dilation under tap k in [0, Kernel); in a transposed one, source i meets output
// i·Stride − Begin + k·Dilation. Begin and End are the paddings.
type ConvAxis struct {
	In, Out, Kernel, Stride, Dilation, Begin, End int
}

// span is how many positions the kernel reaches over, from its first to its last tap, both included.
func (a *ConvAxis) span() int { return (a.Kernel-1)*a.Dilation + 1 }

// ConvAxes works out how the kernel of Conv, ConvInteger or QLinearConv lies over a source of the given spatial sizes;
// kernel holds the spatial sizes of the weights. The error says which attribute or size is impossible.
func ConvAxes(c *Call, spatial, kernel []int) ([]ConvAxis, error) {
	return convAxes(c, knownDims(spatial), kernel, false)
}

// ConvTransposeAxes is ConvAxes for ConvTranspose.
func ConvTransposeAxes(c *Call, spatial, kernel []int) ([]ConvAxis, error) {
	return convAxes(c, knownDims(spatial), kernel, true)
}

// ConvSteps gives only what attributes and weights fix of the axes: Kernel, Stride and Dilation. It is for weights that
// are to be packed before the source's size is known.
func ConvSteps(c *Call, kernel []int) ([]ConvAxis, error) {
	unknown := make([]Dim, len(kernel))
	for i := range unknown {
		unknown[i] = Named("")
	}
	return convAxes(c, unknown, kernel, false)
}

func knownDims(sizes []int) []Dim {
	dims := make([]Dim, len(sizes))
	for i, n := range sizes {
		dims[i] = Known(n)
	}
	return dims
}

func (in convInputs) rule(c *Call) error {
	x, w := c.In[in.x], c.In[in.w]
	if err := in.checkRanks(c); err != nil {
		return err
	}
	group := c.Attrs.Int("group")
	if group < 1 || group > maxExtent {
		return fmt.Errorf("attribute \"group\" is %d, want 1 or more", group)
	}
	rank := 0
	switch {
	case x.HasRank():
		rank = x.Rank()
	case w.HasRank():
		rank = w.Rank()
	default:
		return nil
	}
	out := make([]Dim, rank)
	for i := range out {
		out[i] = Named("")
	}
	if x.HasRank() {
		out[0] = x.Dims[0]
	}
	channels, err := in.channels(c, group)
	if err != nil {
		return err
	}
	if out[1], err = in.checkParams(c, channels); err != nil {
		return err
	}
	spatial := out[2:]
	if x.HasRank() {
		spatial = x.Dims[2:]
	}
	kernel, err := in.kernel(c, rank-2)
	if err != nil {
		return err
	}
	axes, err := convAxes(c, spatial, kernel, in.transposed)
	if err != nil {
		return err
	}
	for i, a := range axes {
		switch {
		case a.Out != Unknown:
			out[2+i] = Known(a.Out)
		case kernel != nil && a.keepsSize(c, in.transposed):
			out[2+i] = spatial[i]
		}
	}
	c.Out[0].Dims = out
	return nil
}

func (in convInputs) checkRanks(c *Call) error {
	x, w := c.In[in.x], c.In[in.w]
	for _, i := range []int{in.x, in.w} {
		if t := c.In[i]; t.HasRank() && t.Rank() < 3 {
			return fmt.Errorf("input %q is %s, want at least 3 dimensions (two for channels and batch, and 1 or more spatial ones)", c.InputName(i), t)
		}
	}
	if x.HasRank() && w.HasRank() && x.Rank() != w.Rank() {
		return fmt.Errorf("input %q is %s and input %q is %s, want the same number of dimensions", c.InputName(in.x), x, c.InputName(in.w), w)
	}
	return nil
}

// channels checks the channels of source and weights against the groups and gives those of the output.
func (in convInputs) channels(c *Call, group int) (Dim, error) {
	x, w := c.In[in.x], c.In[in.w]
	source, first, second := Named(""), Named(""), Named("")
	if x.HasRank() {
		source = x.Dims[1]
	}
	if w.HasRank() {
		first, second = w.Dims[0], w.Dims[1]
	}
	for _, d := range []Dim{source, first, second} {
		if d.Size == 0 {
			return Dim{}, fmt.Errorf("input %q is %s and input %q is %s, want 1 or more channels", c.InputName(in.x), x, c.InputName(in.w), w)
		}
	}
	// Weights are [M, C/group, …], or transposed [C, M/group, …].
	if in.transposed {
		if both, ok := dimsAgree(source, first); !ok {
			return Dim{}, fmt.Errorf("input %q is %s, but the weights %s are for %s channels", c.InputName(in.x), x, w, first)
		} else if both.IsKnown() && both.Size%group != 0 {
			return Dim{}, fmt.Errorf("%d input channels do not divide into %d groups", both.Size, group)
		}
		if !second.IsKnown() {
			return Named(""), nil
		}
		if second.Size > c.Limits.MaxElems/group {
			return Dim{}, fmt.Errorf("%w: %d groups of %d output channels", ErrLimit, group, second.Size)
		}
		return Known(second.Size * group), nil
	}
	if source.IsKnown() && source.Size%group != 0 {
		return Dim{}, fmt.Errorf("%d input channels do not divide into %d groups", source.Size, group)
	}
	if source.IsKnown() && second.IsKnown() && source.Size/group != second.Size {
		return Dim{}, fmt.Errorf("input %q is %s, but the weights %s are for %d channels in each of %d groups", c.InputName(in.x), x, w, second.Size, group)
	}
	if first.IsKnown() && first.Size%group != 0 {
		return Dim{}, fmt.Errorf("%d output channels do not divide into %d groups", first.Size, group)
	}
	return first, nil
}

// checkParams checks bias and quantization parameters, and gives the number of output channels as far as any tells it.
func (in convInputs) checkParams(c *Call, channels Dim) (Dim, error) {
	if in.bias >= 0 && c.Has(in.bias) {
		var err error
		if channels, err = c.perChannel(channels, in.bias); err != nil {
			return channels, err
		}
	}
	for _, i := range in.perChannel {
		if t := c.Input(i); t != nil && t.HasRank() && !isSingle(t) {
			if _, err := c.perChannel(channels, i); err != nil {
				return channels, err
			}
		}
	}
	for _, i := range in.single {
		if t := c.Input(i); t != nil && t.HasRank() && !isSingle(t) {
			return channels, fmt.Errorf("input %q is %s, want a single value", c.InputName(i), t)
		}
	}
	return channels, nil
}

// isSingle reports whether a tensor is a scalar, or a vector that has or may have one element.
func isSingle(t *Info) bool {
	return t.Rank() == 0 || t.Rank() == 1 && (t.Dims[0].Size == 1 || !t.Dims[0].IsKnown())
}

// kernel gives the spatial sizes of the kernel, from the weights or attribute kernel_shape; nil if neither tells them.
func (in convInputs) kernel(c *Call, n int) ([]int, error) {
	w := c.In[in.w]
	attr := c.Attrs.Ints("kernel_shape")
	if len(attr) > 0 {
		var err error
		if attr, err = spatialAttr(c, "kernel_shape", n, n, 1, 0); err != nil {
			return nil, err
		}
	}
	if !w.HasRank() {
		return attr, nil
	}
	kernel := make([]int, n)
	for i, d := range w.Dims[2:] {
		switch {
		case !d.IsKnown() && attr == nil:
			return nil, nil
		case !d.IsKnown():
			kernel[i] = attr[i]
		case attr != nil && attr[i] != d.Size:
			return nil, fmt.Errorf("attribute \"kernel_shape\" is %v, but input %q is %s", attr, c.InputName(in.w), w)
		case d.Size < 1 || d.Size > maxExtent:
			return nil, fmt.Errorf("input %q is %s, want spatial sizes from 1 to %d", c.InputName(in.w), w, maxExtent)
		default:
			kernel[i] = d.Size
		}
	}
	return kernel, nil
}

// spatialAttr reads a list of n integers of at least lo, for axes spatial axes; preset stands for each if the attribute
// is absent or empty.
func spatialAttr(c *Call, name string, axes, n, lo, preset int) ([]int, error) {
	v := c.Attrs.Ints(name)
	if len(v) == 0 {
		return slices.Repeat([]int{preset}, n), nil
	}
	if len(v) != n {
		return nil, fmt.Errorf("attribute %q has %d values, want %d for %d spatial axes", name, len(v), n, axes)
	}
	for _, x := range v {
		if x < lo || x > maxExtent {
			return nil, fmt.Errorf("attribute %q is %v, want values from %d to %d", name, v, lo, maxExtent)
		}
	}
	return v, nil
}

// convAxes is ConvAxes for sizes that may be unknown; Out is Unknown then, and so are Begin and End where they depend on
// the size. A nil kernel is an unknown one.
func convAxes(c *Call, spatial []Dim, kernel []int, transposed bool) ([]ConvAxis, error) {
	n := len(spatial)
	strides, err := spatialAttr(c, "strides", n, n, 1, 1)
	if err != nil {
		return nil, err
	}
	dilations, err := spatialAttr(c, "dilations", n, n, 1, 1)
	if err != nil {
		return nil, err
	}
	pads, err := spatialAttr(c, "pads", n, 2*n, 0, 0)
	if err != nil {
		return nil, err
	}
	auto := c.Attrs.String("auto_pad")
	switch given := len(c.Attrs.Ints("pads")) > 0; auto {
	case "NOTSET":
	case "VALID":
		if slices.Max(pads) > 0 {
			return nil, fmt.Errorf("attributes \"pads\" %v and \"auto_pad\" VALID exclude each other", pads)
		}
	case "SAME_UPPER", "SAME_LOWER":
		// Even zeros are refused: ONNX's shape inference lets them overrule auto_pad, ONNX Runtime refuses them too.
		if given {
			return nil, fmt.Errorf("attributes \"pads\" %v and \"auto_pad\" %s exclude each other", pads, auto)
		}
	default:
		return nil, fmt.Errorf("attribute \"auto_pad\" is %q, want NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto)
	}
	extra, shape := make([]int, n), []int(nil)
	if transposed {
		if extra, err = spatialAttr(c, "output_padding", n, n, 0, 0); err != nil {
			return nil, err
		}
		if len(c.Attrs.Ints("output_shape")) > 0 {
			if shape, err = spatialAttr(c, "output_shape", n, n, 1, 0); err != nil {
				return nil, err
			}
		}
	}
	axes := make([]ConvAxis, n)
	for i, d := range spatial {
		a := ConvAxis{In: d.Size, Out: Unknown, Kernel: Unknown, Stride: strides[i], Dilation: dilations[i], Begin: pads[i], End: pads[n+i]}
		if transposed && extra[i] > 0 && extra[i] >= max(a.Stride, a.Dilation) {
			return nil, fmt.Errorf("attribute \"output_padding\" is %v, want values below the stride or dilation, %v and %v", extra, strides, dilations)
		}
		if kernel != nil {
			a.Kernel = kernel[i]
		}
		if d.IsKnown() && d.Size > maxSource {
			return nil, fmt.Errorf("spatial axis %d: %w: it is %d long, at most %d is allowed", i, ErrLimit, d.Size, maxSource)
		}
		switch {
		case transposed:
			want := Unknown
			if shape != nil {
				want = shape[i]
			}
			err = a.placeTransposed(auto, extra[i], want)
		case kernel != nil && d.IsKnown():
			err = a.place(auto)
		}
		if err != nil {
			return nil, fmt.Errorf("spatial axis %d: %w", i, err)
		}
		axes[i] = a
	}
	return axes, nil
}

// place works out padding and output size of a convolution.
func (a *ConvAxis) place(auto string) error {
	if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		a.Out = (a.In + a.Stride - 1) / a.Stride
		a.split(max(0, (a.Out-1)*a.Stride+a.span()-a.In), auto == "SAME_UPPER")
	} else if room := a.In + a.Begin + a.End - a.span(); room >= 0 {
		a.Out = room/a.Stride + 1
	}
	if a.Out < 1 {
		return fmt.Errorf("a kernel that spans %d does not fit a source of %d with paddings %d and %d", a.span(), a.In, a.Begin, a.End)
	}
	return nil
}

// placeTransposed works out padding and output size of a transposed convolution; extra is its output_padding, want its
// output_shape, or Unknown.
func (a *ConvAxis) placeTransposed(auto string, extra, want int) error {
	if a.Kernel == Unknown || a.In == Unknown {
		a.Out = want
		return nil
	}
	full := (a.In-1)*a.Stride + a.span() + extra
	if same := auto == "SAME_UPPER" || auto == "SAME_LOWER"; same || want != Unknown {
		if want == Unknown {
			// A kernel shorter than its stride reaches less than In·Stride outputs: then, as ONNX's shape inference and
			// ONNX Runtime have it, there is no padding and the output is what it reaches.
			want = min(a.In*a.Stride, full)
		}
		if want-full >= a.Stride {
			return fmt.Errorf("attribute \"output_shape\" asks for %d, but a source of %d gives at most %d", want, a.In, full+a.Stride-1)
		}
		// What lies beyond the reach of the last tap, less than a stride, is zero padding behind the output.
		a.split(max(full-want, 0), auto == "SAME_UPPER")
		a.Out = want
		return nil
	}
	a.Out = full - a.Begin - a.End
	if a.Out < 1 {
		return fmt.Errorf("nothing is left of an output of %d after paddings %d and %d", full, a.Begin, a.End)
	}
	return nil
}

// split shares padding out; an odd one goes to the end if upper, else to the beginning.
func (a *ConvAxis) split(total int, upper bool) {
	a.Begin, a.End = total-total/2, total/2
	if upper {
		a.Begin, a.End = a.End, a.Begin
	}
}

// keepsSize reports whether the output is as long as the source whatever that is.
func (a *ConvAxis) keepsSize(c *Call, transposed bool) bool {
	if a.Stride != 1 {
		return false
	}
	if auto := c.Attrs.String("auto_pad"); auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		return true
	}
	// output_padding is below the stride or dilation, so it may stand beside stride 1.
	return a.Begin+a.End == a.span()-1 && (!transposed || !slices.ContainsFunc(c.Attrs.Ints("output_padding"), func(x int) bool { return x != 0 }))
}
