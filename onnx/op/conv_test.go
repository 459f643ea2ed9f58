package op

import (
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// productShape parses "N,3,H,32" (unknown ones are names, "?" an anonymous one); "…" is an unknown rank, "" a scalar.
func productShape(d tensor.DType, text string) *Info {
	info := &Info{DType: d}
	if text == "…" {
		return info
	}
	info.Dims = []Dim{}
	if text == "" {
		return info
	}
	for _, f := range strings.Split(text, ",") {
		n := 0
		for _, c := range f {
			if c < '0' || c > '9' {
				n = Unknown
				break
			}
			n = 10*n + int(c-'0')
		}
		switch {
		case n != Unknown:
			info.Dims = append(info.Dims, Known(n))
		case f == "?":
			info.Dims = append(info.Dims, Named(""))
		default:
			info.Dims = append(info.Dims, Named(f))
		}
	}
	return info
}

// productRule is a node with what its shape rule must say: the output, or an error that holds want.
type productRule struct {
	name  string
	op    string
	in    []string // shapes; "-" is left out
	types []tensor.DType
	attrs []*onnx.Attribute
	want  string
	fails bool
}

func (c *productRule) run(t *testing.T) {
	var in []*Info
	var names []string
	for i, text := range c.in {
		d := tensor.Float32
		if i < len(c.types) {
			d = c.types[i]
		}
		if text == "-" {
			in, names = append(in, nil), append(names, "")
			continue
		}
		in, names = append(in, productShape(d, text)), append(names, "x")
	}
	call, err := Resolve(onnx.NewNode(c.op, "", names, []string{"y"}, c.attrs...), NewestOpset, in, &DefaultLimits)
	if err == nil {
		err = Infer(call)
	}
	if c.fails {
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Fatalf("error %v, want one with %q", err, c.want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := call.Out[0].String(); got != c.want {
		t.Errorf("output %s, want %s", got, c.want)
	}
}

func TestConvRule(t *testing.T) {
	ints, str := onnx.AttrInts, onnx.AttrString
	a := func(list ...*onnx.Attribute) []*onnx.Attribute { return list }
	tests := []productRule{
		{"plain", "Conv", []string{"1,3,32,33", "8,3,3,5"}, nil, nil, "float[1,8,30,29]", false},
		{"names kept where the size is", "Conv", []string{"N,3,H,W", "8,3,3,3"}, nil, a(ints("pads", 1, 1, 1, 1)), "float[N,8,H,W]", false},
		{"names lost with a stride", "Conv", []string{"N,3,H,W", "8,3,3,3"}, nil, a(ints("pads", 1, 1, 1, 1), ints("strides", 2, 1)), "float[N,8,?,W]", false},
		{"names kept by dilation and its padding", "Conv", []string{"N,3,H,W", "8,3,3,3"}, nil, a(ints("pads", 36, 2, 36, 2), ints("dilations", 36, 2)), "float[N,8,H,W]", false},
		{"names lost without padding", "Conv", []string{"N,3,H,W", "8,3,3,1"}, nil, nil, "float[N,8,?,W]", false},
		{"SAME keeps names", "Conv", []string{"N,3,H,W", "8,3,4,3"}, nil, a(str("auto_pad", "SAME_LOWER")), "float[N,8,H,W]", false},
		{"SAME with a stride", "Conv", []string{"N,3,H,7", "8,3,4,3"}, nil, a(str("auto_pad", "SAME_UPPER"), ints("strides", 2, 2)), "float[N,8,?,4]", false},
		{"kernel unknown", "Conv", []string{"1,3,32,32", "8,3,?,?"}, nil, nil, "float[1,8,?,?]", false},
		{"kernel_shape helps", "Conv", []string{"1,3,32,32", "8,?,?,?"}, nil, a(ints("kernel_shape", 3, 3)), "float[1,8,30,30]", false},
		{"rank from the weights", "Conv", []string{"…", "8,3,3,3"}, nil, nil, "float[?,8,?,?]", false},
		{"channels from the bias", "Conv", []string{"1,3,4,4", "…", "8"}, nil, nil, "float[1,8,?,?]", false},
		{"nothing known", "Conv", []string{"…", "…"}, nil, nil, "float[…]", false},
		{"empty batch", "Conv", []string{"0,3,4,4", "8,3,3,3"}, nil, nil, "float[0,8,2,2]", false},
		{"1-D", "Conv", []string{"2,4,10", "6,2,3"}, nil, a(onnx.AttrInt("group", 2), ints("strides", 3)), "float[2,6,3]", false},
		{"3-D", "Conv", []string{"2,4,10,9,8", "6,4,3,2,1"}, nil, a(ints("dilations", 2, 3, 4)), "float[2,6,6,6,8]", false},
		{"transposed", "ConvTranspose", []string{"1,4,5,W", "4,3,3,3"}, nil, a(ints("strides", 2, 2), onnx.AttrInt("group", 2)), "float[1,6,11,?]", false},
		{"transposed, names kept", "ConvTranspose", []string{"N,4,H,W", "4,3,3,3"}, nil, a(ints("pads", 1, 1, 1, 1)), "float[N,3,H,W]", false},
		{"transposed, output_shape", "ConvTranspose", []string{"N,4,H,5", "4,3,3,3"}, nil, a(ints("strides", 2, 2), ints("output_shape", 9, 10)), "float[N,3,9,10]", false},
		{"transposed, output_padding", "ConvTranspose", []string{"N,4,5,6", "4,3,3,3"}, nil, a(ints("strides", 2, 2), ints("pads", 1, 1, 1, 1), ints("output_padding", 1, 0)), "float[N,3,10,11]", false},
		{"transposed, unknown kernel", "ConvTranspose", []string{"N,4,5,6", "…"}, nil, nil, "float[N,?,?,?]", false},
		{"integers", "ConvInteger", []string{"1,3,H,8", "8,3,3,3", "", "8"}, []tensor.DType{tensor.Uint8, tensor.Int8, tensor.Uint8, tensor.Int8}, nil, "int32[1,8,?,6]", false},
		{"quantized", "QLinearConv", []string{"1,3,8,8", "", "", "8,3,3,3", "8", "8", "1", "", "8"},
			[]tensor.DType{tensor.Uint8, tensor.Float32, tensor.Uint8, tensor.Int8, tensor.Float32, tensor.Int8, tensor.Float32, tensor.Int8, tensor.Int32}, nil, "int8[1,8,6,6]", false},

		{"no spatial axis", "Conv", []string{"1,3", "8,3"}, nil, nil, "want at least 3 dimensions", true},
		{"ranks differ", "Conv", []string{"1,3,4,4", "8,3,3"}, nil, nil, "the same number of dimensions", true},
		{"channels", "Conv", []string{"1,3,4,4", "8,4,3,3"}, nil, nil, "weights float[8,4,3,3] are for 4 channels in each of 1 groups", true},
		{"groups of the source", "Conv", []string{"1,3,4,4", "8,1,3,3"}, nil, a(onnx.AttrInt("group", 2)), "3 input channels do not divide into 2 groups", true},
		{"groups of the output", "Conv", []string{"1,4,4,4", "7,2,3,3"}, nil, a(onnx.AttrInt("group", 2)), "7 output channels do not divide into 2 groups", true},
		{"no group", "Conv", []string{"1,4,4,4", "7,2,3,3"}, nil, a(onnx.AttrInt("group", 0)), `"group" is 0, want 1 or more`, true},
		{"no channels", "Conv", []string{"1,0,4,4", "8,?,3,3"}, nil, nil, "want 1 or more channels", true},
		{"no kernel", "Conv", []string{"1,3,4,4", "8,3,0,3"}, nil, nil, "want spatial sizes from 1", true},
		{"kernel_shape differs", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("kernel_shape", 3, 2)), "kernel_shape", true},
		{"kernel_shape too long", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("kernel_shape", 3, 3, 1)), "has 3 values, want 2", true},
		{"bias", "Conv", []string{"1,3,4,4", "8,3,3,3", "7"}, nil, nil, "want 8 values", true},
		{"bias of rank 2", "Conv", []string{"1,3,4,4", "8,3,3,3", "8,1"}, nil, nil, "want 1 dimension", true},
		{"kernel too large", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("dilations", 1, 2)), "a kernel that spans 5 does not fit a source of 4", true},
		{"dilation over all bounds", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("dilations", 1<<40, 1)), "want values from 1 to 1073741824", true},
		{"largest dilation", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("dilations", 1<<30, 1)), "a kernel that spans 2147483649", true},
		{"negative padding", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("pads", -1, 0, 0, 0)), "want values from 0", true},
		{"paddings for one axis", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("pads", 1, 1)), "has 2 values, want 4 for 2 spatial axes", true},
		{"stride 0", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("strides", 0, 1)), "want values from 1", true},
		{"huge output", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(ints("pads", 1<<30, 1<<30, 1<<30, 1<<30)), ErrLimit.Error(), true},
		{"auto_pad unknown", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(str("auto_pad", "SAME")), `"auto_pad" is "SAME", want NOTSET`, true},
		{"auto_pad and pads", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(str("auto_pad", "SAME_UPPER"), ints("pads", 0, 0, 0, 0)), "exclude each other", true},
		{"VALID and pads", "Conv", []string{"1,3,4,4", "8,3,3,3"}, nil, a(str("auto_pad", "VALID"), ints("pads", 0, 0, 1, 0)), "exclude each other", true},
		{"transposed channels", "ConvTranspose", []string{"1,3,4,4", "4,3,3,3"}, nil, nil, "are for 4 channels", true},
		{"transposed groups", "ConvTranspose", []string{"1,3,4,4", "3,3,3,3"}, nil, a(onnx.AttrInt("group", 2)), "3 input channels do not divide into 2 groups", true},
		{"output_padding too large", "ConvTranspose", []string{"1,3,4,4", "3,3,3,3"}, nil, a(ints("output_padding", 1, 0)), "want values below the stride or dilation", true},
		{"output_shape too large", "ConvTranspose", []string{"1,3,4,4", "3,3,3,3"}, nil, a(ints("output_shape", 6, 7)), "gives at most 6", true},
		{"all cut off", "ConvTranspose", []string{"1,3,4,4", "3,3,3,3"}, nil, a(ints("pads", 3, 0, 3, 0)), "nothing is left", true},
		{"zero points by channel", "ConvInteger", []string{"1,3,8,8", "8,3,3,3", "", "7"}, []tensor.DType{tensor.Uint8, tensor.Int8, tensor.Uint8, tensor.Int8}, nil, "want 8 values", true},
		{"zero points of the source", "ConvInteger", []string{"1,3,8,8", "8,3,3,3", "3"}, []tensor.DType{tensor.Uint8, tensor.Int8, tensor.Uint8}, nil, "want a single value", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestMatMulRule(t *testing.T) {
	a := func(list ...*onnx.Attribute) []*onnx.Attribute { return list }
	u8 := []tensor.DType{tensor.Uint8, tensor.Int8, tensor.Uint8, tensor.Int8}
	tests := []productRule{
		{"matrices", "MatMul", []string{"2,3", "3,4"}, nil, nil, "float[2,4]", false},
		{"vector by matrix", "MatMul", []string{"3", "3,4"}, nil, nil, "float[4]", false},
		{"matrix by vector", "MatMul", []string{"2,3", "3"}, nil, nil, "float[2]", false},
		{"vectors", "MatMul", []string{"3", "3"}, nil, nil, "float[]", false},
		{"batches", "MatMul", []string{"N,1,2,3", "7,3,4"}, nil, nil, "float[N,7,2,4]", false},
		{"unknown batch meets a size", "MatMul", []string{"N,2,3", "7,3,4"}, nil, nil, "float[7,2,4]", false},
		{"batches of one name", "MatMul", []string{"N,2,3", "N,3,4"}, nil, nil, "float[N,2,4]", false},
		{"batches of different names", "MatMul", []string{"N,2,3", "M,3,4"}, nil, nil, "float[?,2,4]", false},
		{"names", "MatMul", []string{"N,K", "L,M"}, nil, nil, "float[N,M]", false},
		{"rank unknown", "MatMul", []string{"…", "3,4"}, nil, nil, "float[…]", false},
		{"empty", "MatMul", []string{"2,0", "0,4"}, nil, nil, "float[2,4]", false},
		{"gemm", "Gemm", []string{"3,M", "4,3", "1,4"}, nil, a(onnx.AttrInt("transA", 1), onnx.AttrInt("transB", 1)), "float[M,4]", false},
		{"gemm, ranks unknown", "Gemm", []string{"…", "3,4", "…"}, nil, nil, "float[?,4]", false},
		{"gemm, scalar", "Gemm", []string{"2,3", "3,4", ""}, nil, nil, "float[2,4]", false},
		{"integers", "MatMulInteger", []string{"5,2,3", "3,4", "5,2,1", "4"}, u8, nil, "int32[5,2,4]", false},
		{"integers, by row", "MatMulInteger", []string{"2,3", "3,4", "2"}, u8, nil, "int32[2,4]", false},

		{"inner sizes", "MatMul", []string{"2,3", "4,5"}, nil, nil, "3 columns meet 4 rows", true},
		{"inner size of a vector", "MatMul", []string{"2,3", "2"}, nil, nil, "3 columns meet 2 rows", true},
		{"batches clash", "MatMul", []string{"2,2,3", "3,3,4"}, nil, nil, "do not broadcast", true},
		{"scalar", "MatMul", []string{"", "3,4"}, nil, nil, "is a scalar", true},
		{"huge", "MatMul", []string{"1000000,1", "1,1000000"}, nil, nil, ErrLimit.Error(), true},
		{"gemm, rank", "Gemm", []string{"2,3,1", "3,4"}, nil, nil, "want 2 dimensions", true},
		{"gemm, inner sizes", "Gemm", []string{"2,3", "3,4"}, nil, a(onnx.AttrInt("transB", 1)), "3 columns meet 4 rows", true},
		{"gemm, bias", "Gemm", []string{"2,3", "3,4", "2"}, nil, nil, "does not broadcast to the product, float[2,4]", true},
		{"gemm, bias of rank 3", "Gemm", []string{"2,3", "3,4", "1,2,4"}, nil, nil, "does not broadcast", true},
		{"gemm, flag", "Gemm", []string{"2,3", "3,4"}, nil, a(onnx.AttrInt("transA", 2)), `"transA" is 2, want 0 or 1`, true},
		{"zero points by row", "MatMulInteger", []string{"2,3", "3,4", "3"}, u8, nil, "want a single value or uint8[2]", true},
		{"zero points by column", "MatMulInteger", []string{"2,3", "3,4", "-", "1,3"}, u8, nil, "want a single value or int8[1,4]", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

// FuzzConvRule feeds the rule hostile attributes: it may refuse them, but neither panic nor accept what overflows.
func FuzzConvRule(f *testing.F) {
	f.Add(int64(1), int64(1), int64(1), int64(3), int64(32), false)
	f.Add(int64(1<<62), int64(-1), int64(1<<31), int64(1<<30), int64(1<<40), true)
	f.Add(int64(1<<30), int64(1<<30), int64(1<<30), int64(1<<30), int64(1<<40), false)
	f.Fuzz(func(t *testing.T, stride, dilation, pad, kernel, size int64, transposed bool) {
		if size < 0 || kernel < 0 {
			return
		}
		ints := func(v int64) []int { return []int{int(v), 1} }
		name := "Conv"
		if transposed {
			name = "ConvTranspose"
		}
		n := onnx.NewNode(name, "", []string{"x", "w"}, []string{"y"}, onnx.AttrInts("strides", ints(stride)...),
			onnx.AttrInts("dilations", ints(dilation)...), onnx.AttrInts("pads", int(pad), 0, int(pad), 0))
		x, w := Of(tensor.Float32, 1, 2, int(size), 3), Of(tensor.Float32, 2, 2, int(kernel), 1)
		call, err := Resolve(n, NewestOpset, []*Info{&x, &w}, &DefaultLimits)
		if err != nil {
			return
		}
		if err := Infer(call); err == nil {
			if d := call.Out[0].Dims[2]; d.Size < 1 {
				t.Errorf("stride %d, dilation %d, padding %d, kernel %d on %d gives %s", stride, dilation, pad, kernel, size, d)
			}
		}
	})
}
