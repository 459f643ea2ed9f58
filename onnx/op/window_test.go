package op

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// windowCase is one call of a shape rule. in describes each input: a *tensor.Tensor is a constant, an Info is itself, nil
// is left out, and a string such as "float[N,3,?,5]" or "float[…]" is what Info.String writes. want lists the outputs in
// the same form, separated by spaces, or is "error: " and a part of the error.
type windowCase struct {
	op    string
	opset int
	attrs []*onnx.Attribute
	in    []any
	outs  int
	want  string
}

func (c windowCase) run(t *testing.T) {
	t.Helper()
	names := make([]string, len(c.in))
	infos := make([]*Info, len(c.in))
	for i, x := range c.in {
		switch x := x.(type) {
		case *tensor.Tensor:
			info := Const(x)
			infos[i] = &info
		case Info:
			infos[i] = &x
		case string:
			infos[i] = windowInfo(t, x)
		}
		if infos[i] != nil {
			names[i] = fmt.Sprint("i", i)
		}
	}
	outs := make([]string, max(1, c.outs))
	for i := range outs {
		outs[i] = fmt.Sprint("o", i)
	}
	got := ""
	call, err := Resolve(onnx.NewNode(c.op, "n", names, outs, c.attrs...), c.opset, infos, &DefaultLimits)
	if err == nil {
		err = Infer(call)
	}
	if err != nil {
		got = "error: " + err.Error()
		if !strings.HasPrefix(c.want, "error: ") || !strings.Contains(got, c.want[len("error: "):]) {
			t.Errorf("%s-%d %v: %s\nwant %s", c.op, c.opset, c.in, got, c.want)
		}
		return
	}
	for i := range call.Out {
		got += " " + call.Out[i].String()
	}
	if got = strings.TrimSpace(got); got != c.want {
		t.Errorf("%s-%d %v: %s\nwant %s", c.op, c.opset, c.in, got, c.want)
	}
}

func windowInfo(t *testing.T, s string) *Info {
	name, list, ok := strings.Cut(strings.TrimSuffix(s, "]"), "[")
	d, known := tensor.ParseDType(name)
	if !ok || !known {
		t.Fatalf("%q describes no tensor", s)
	}
	info := &Info{DType: d}
	if list == "…" {
		return info
	}
	info.Dims = []Dim{}
	for _, f := range strings.Split(list, ",") {
		var n int
		switch _, err := fmt.Sscan(f, &n); {
		case list == "":
		case err == nil:
			info.Dims = append(info.Dims, Known(n))
		case f == "?":
			info.Dims = append(info.Dims, Named(""))
		default:
			info.Dims = append(info.Dims, Named(f))
		}
	}
	return info
}

func windowInts(v ...int64) *tensor.Tensor     { return tensor.Of(v, len(v)) }
func windowFloats(v ...float32) *tensor.Tensor { return tensor.Of(v, len(v)) }

// partial is an integer vector of which only some elements are known, as shape arithmetic makes it.
func windowPartial(d ...Dim) Info {
	return Info{DType: tensor.Int64, Dims: []Dim{Known(len(d))}, Shape: d}
}

type windowAttrs = []*onnx.Attribute

const windowHuge = math.MaxInt64

// FuzzWindowRules feeds the rules of pooling and resizing hostile numbers: they may refuse, but neither panic nor let
// through what the limits forbid.
func FuzzWindowRules(f *testing.F) {
	f.Add(int64(3), int64(1), int64(1), int64(1), int64(7), int64(9), float32(2), uint8(0))
	f.Add(int64(1<<62), int64(1<<62), int64(1<<62), int64(1<<62), int64(1<<62), int64(-1), float32(math.Inf(1)), uint8(255))
	f.Add(int64(0), int64(-1), int64(math.MinInt64), int64(math.MaxInt64), int64(0), int64(1), float32(math.NaN()), uint8(7))
	f.Add(int64(1<<30), int64(1), int64(1<<30), int64(1<<30), int64(1<<40), int64(1<<33), float32(1e-38), uint8(19))
	f.Fuzz(func(t *testing.T, kernel, stride, dilation, pad, size, target int64, scale float32, flags uint8) {
		x := Info{DType: tensor.Float32, Dims: []Dim{Known(1), Known(2), Known(int(max(size, 0))), {Size: int(max(size, -1)), Name: "W"}}}
		pairs := func(name string, v int64) *onnx.Attribute { return onnx.AttrInts(name, int(v), 1) }
		auto := []string{"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}[flags&3]
		policy := []string{"stretch", "not_larger", "not_smaller", "stretch"}[flags>>2&3]
		list := []struct {
			node *onnx.Node
			in   []*Info
		}{
			{onnx.NewNode("MaxPool", "", []string{"x"}, []string{"y", "i"}, pairs("kernel_shape", kernel), pairs("strides", stride),
				pairs("dilations", dilation), onnx.AttrInts("pads", int(pad), 0, 1, int(pad)), onnx.AttrString("auto_pad", auto),
				onnx.AttrInt("ceil_mode", int(flags>>4&1))), []*Info{&x}},
			{onnx.NewNode("Resize", "", []string{"x", "", "", "s"}, []string{"y"}, onnx.AttrString("keep_aspect_ratio_policy", policy),
				onnx.AttrInts("axes", 2, 3)), []*Info{&x, nil, nil, windowConst(windowInts(target, pad))}},
			{onnx.NewNode("Resize", "", []string{"x", "", "s"}, []string{"y"}, onnx.AttrInts("axes", int(dilation), -1)),
				[]*Info{&x, nil, windowConst(windowFloats(scale, scale))}},
			{onnx.NewNode("DepthToSpace", "", []string{"x"}, []string{"y"}, onnx.AttrInt("blocksize", int(kernel))), []*Info{&x}},
			{onnx.NewNode("SpaceToDepth", "", []string{"x"}, []string{"y"}, onnx.AttrInt("blocksize", int(kernel))), []*Info{&x}},
			{onnx.NewNode("TopK", "", []string{"x", "k"}, []string{"y", "i"}, onnx.AttrInt("axis", int(stride))), []*Info{&x, windowConst(windowInts(target))}},
		}
		for _, l := range list {
			c, err := Resolve(l.node, 19, l.in, &DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			if err := Infer(c); err != nil {
				continue
			}
			if l.node.OpType == "Resize" {
				if _, known := c.Out[0].Sizes(); known && c.In[0].Dims[3].IsKnown() {
					if _, err := ResizeAxes(c); err != nil && !errors.Is(err, ErrLimit) {
						t.Errorf("%v: Infer accepts what ResizeAxes refuses: %v", l.node, err)
					}
				}
			}
		}
	})
}

func windowConst(t *tensor.Tensor) *Info {
	info := Const(t)
	return &info
}
