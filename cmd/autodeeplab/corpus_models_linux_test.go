package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// reference is a model whose one initializer lies in another file.
func reference(entries ...string) []byte {
	m := external("")
	var props []*onnx.Property
	for i := 0; i < len(entries); i += 2 {
		props = append(props, &onnx.Property{Key: entries[i], Value: entries[i+1]})
	}
	m.Graph.Initializer[0].ExternalData = props
	return marshal(m)
}

func hostileExternal() []hostileCase {
	const traversal, nested, links, hard = "CVE-2022-25882", "CVE-2024-27318", "CVE-2026-27489", "onnx PR#7717"
	weights := map[string][]byte{"weights.bin": make([]byte, 32)}
	with := func(model []byte) map[string][]byte {
		return map[string][]byte{"bad.onnx": model, "weights.bin": weights["weights.bin"]}
	}
	return []hostileCase{
		onnxCase("external data above the folder", traversal, reference("location", "../../../../etc/passwd"), `contains ".."`),
		onnxCase("external data at an absolute path", traversal, reference("location", "/etc/passwd"), "absolute"),
		onnxCase("external data through a folder and up", nested, reference("location", "a/../../secret"), `contains ".."`),
		onnxCase("external data with backslashes", nested, reference("location", `..\..\secret`), "backslash"),
		onnxCase("external data on a drive", nested, reference("location", "C:/secret"), "absolute"),
		onnxCase("external data behind a NUL", "", reference("location", "weights.bin\x00/../../secret"), "NUL"),
		{"external data in a file of four terabytes of holes, to be summed", "", with(reference("location", "holes", "checksum", strings.Repeat("0", 40))),
			func(dir string) error {
				if err := os.WriteFile(filepath.Join(dir, "holes"), nil, 0o600); err != nil {
					return err
				}
				return os.Truncate(filepath.Join(dir, "holes"), 1<<42)
			}, "check DIR/bad.onnx", "too large"},
		onnxCase("external data nowhere", "", reference("location", ""), "is empty"),
		onnxCase("external data in the folder itself", "", reference("location", "."), "names no file"),
		onnxCase("external data in memory", "onnxruntime PR#28709", reference("location", "*/_ORT_MEM_ADDR_/*", "offset", "4096", "length", "32"), "no such file"),
		{"external data behind a symbolic link", links, with(reference("location", "link.bin")), link(os.Symlink, "weights.bin", "link.bin"),
			"run DIR/bad.onnx DIR/photo.png -o DIR/out", "symbolic link"},
		{"external data behind a link out of the folder", links, with(reference("location", "link.bin")), link(os.Symlink, "/etc/passwd", "link.bin"),
			"check DIR/bad.onnx", "symbolic link"},
		{"external data in a linked folder", links, with(reference("location", "etc/passwd")), link(os.Symlink, "/etc", "etc"),
			"check DIR/bad.onnx", "etc"},
		{"external data with a second name", hard, with(reference("location", "hard.bin")), link(os.Link, "weights.bin", "hard.bin"),
			"check DIR/bad.onnx", "hard link"},
		{"external data in a pipe", "", with(reference("location", "pipe")), link(mkfifo, "", "pipe"), "check DIR/bad.onnx", "regular file"},
		{"external data behind a device", "", with(reference("location", "zero")), link(os.Symlink, "/dev/zero", "zero"), "check DIR/bad.onnx", "symbolic link"},
		{"external data beyond the end", "CVE-2024-27319", with(reference("location", "weights.bin", "offset", "16")), nil, "check DIR/bad.onnx", "weights.bin"},
		{"external data at 2^63 - 1", "CVE-2024-27319", with(reference("location", "weights.bin", "offset", fmt.Sprint(math.MaxInt64))), nil, "check DIR/bad.onnx", "weights.bin"},
		{"external data at a negative place", "CVE-2024-27319", with(reference("location", "weights.bin", "offset", "-8")), nil, "check DIR/bad.onnx", "no count of bytes"},
		{"external data of another length", "", with(reference("location", "weights.bin", "length", "31")), nil, "check DIR/bad.onnx", "31"},
		{"an attribute set through external data", "CVE-2026-34445", with(reference("location", "weights.bin", "location", "../x")), nil, "check DIR/bad.onnx", "twice"},
		{"external data of a petabyte", "CVE-2026-34445", with(func() []byte {
			m := external("weights.bin")
			m.Graph.Initializer[0].Dims = []int64{1 << 48}
			return marshal(m)
		}()), nil, "check DIR/bad.onnx", "too large"},
		{"external data of a tensor in an attribute", traversal, with(marshal(changed(func(g *onnx.Graph) {
			w := external("../secret").Graph.Initializer[0]
			g.Node = append([]*onnx.Node{onnx.NewNode("Constant", "c", nil, []string{"w"}, &onnx.Attribute{Name: "value", Type: pb.AttributeProto_TENSOR, T: w})}, g.Node...)
		}))), nil, "check DIR/bad.onnx", `contains ".."`},
	}
}

// weight is a model with an initializer w that its node reads.
func weight(t *onnx.TensorPB) []byte {
	t.Name = "w"
	return marshal(changed(func(g *onnx.Graph) {
		g.Node[0] = onnx.NewNode("Add", "add", []string{"image", "w"}, []string{"logits"})
		g.Initializer = append(g.Initializer, t)
	}))
}

func hostileTensors() []hostileCase {
	f32 := int32(tensor.Float32)
	return []hostileCase{
		onnxCase("dimensions whose product overflows", "", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{1 << 32, 1 << 32}}), `"w"`),
		onnxCase("a negative dimension", "onnxruntime PR#27721", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{-1, 8}, RawData: make([]byte, 32)}), `"w"`),
		onnxCase("dimensions whose product is that of the data, twice negative", "onnxruntime PR#27721", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{-2, -4}, RawData: make([]byte, 32)}), `"w"`),
		onnxCase("less data than the dimensions say", "tract #2390, CVE-2024-27319", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{8}, RawData: make([]byte, 31)}), `"w"`),
		onnxCase("more data than the dimensions say", "tract #2390", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{8}, RawData: make([]byte, 33)}), `"w"`),
		onnxCase("fewer numbers than the dimensions say", "CVE-2024-27319", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{8}, FloatData: []float32{1}}), `"w"`),
		onnxCase("numbers in the field of another type", "CVE-2024-27319", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{1}, Int64Data: []int64{1}}), `"w"`),
		onnxCase("data in two fields", "", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{1}, RawData: make([]byte, 4), FloatData: []float32{1}}), `"w"`),
		onnxCase("an element type that does not exist", "", weight(&onnx.TensorPB{DataType: 99, Dims: []int64{1}, RawData: make([]byte, 4)}), `"w"`),
		onnxCase("strings for numbers", "", weight(&onnx.TensorPB{DataType: int32(tensor.String), Dims: []int64{1}, StringData: [][]byte{{0xff}}}), "type string"),
		onnxCase("a terabyte without data", "CVE-2026-34445", weight(&onnx.TensorPB{DataType: f32, Dims: []int64{1 << 38}}), `"w"`),
		onnxCase("a thousand dimensions", "", weight(&onnx.TensorPB{DataType: f32, Dims: make([]int64, 1000)}), "1000 in all"),
	}
}

// graphField wraps the bytes of a GraphProto as a model with operator set 17.
func graphField(graph []byte) []byte {
	head, err := proto.Marshal(&onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}})
	if err != nil {
		panic(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(head, 7, protowire.BytesType), graph)
}

// nested is an attribute with a graph with a node with an attribute with a graph …
func nested(depth int) []byte {
	var graph []byte
	for range depth {
		attribute := protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), graph)
		node := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), attribute)
		graph = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), node)
	}
	return graphField(graph)
}

func hostileMessages() []hostileCase {
	good := marshal(tiny())
	names := numbered(300_000, func(int) string { return "" })
	return []hostileCase{
		onnxCase("eight bytes", "onnxruntime PR#27721", []byte("\x08\x08\x3a\x02\x0a\x00\x42\x00"), "operator set"),
		onnxCase("an empty file", "", nil, "empty"),
		onnxCase("a file that is cut off", "onnxruntime #4349", good[:len(good)-9], "cut off"),
		onnxCase("noise", "onnxruntime #4349", []byte("\x0a\xff\x13\x37\xde\xad\xbe\xef\x00\x01\x02\x03\x04\x05"), "not an ONNX model"),
		onnxCase("a length of 2^63", "", []byte("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00"), "not an ONNX model"),
		onnxCase("graphs in graphs, 3,000 deep", "onnxruntime #4585", nested(1000), "nested"),
		onnxCase("groups in groups", "", repeated("\x0b", 100_000), "not an ONNX model"),
		onnxCase("a million nodes in two megabytes", "CVE-2026-34445", graphField(repeated("\x0a\x00", 1_000_000)), "parts"),
		onnxCase("a million empty initializers", "CVE-2026-34445", graphField(repeated("\x2a\x00", 1_000_000)), "parts"),
		onnxCase("a node with 300,000 inputs", "", marshal(changed(func(g *onnx.Graph) { g.Node[0].Input = names })), "parts"),
		onnxCase("twenty million numbers of a byte", "CVE-2026-34445", weight(&onnx.TensorPB{DataType: int32(tensor.Int64), Dims: []int64{20_000_000}, Int64Data: make([]int64, 20_000_000)}), "lists of numbers"),
		onnxCase("a name of 20 megabytes", "", marshal(changed(func(g *onnx.Graph) { g.Node[0].Name = string(repeated("x", 20<<20)) })), "text"),
		onnxCase("a name that is no text", "", []byte("\x08\x08\x12\x02\xff\xfe\x3a\x00\x42\x02\x10\x11"), "UTF-8"),
		onnxCase("no graph", "", []byte("\x08\x08\x42\x02\x10\x11"), "no graph"),
		onnxCase("operator set 999", "", marshal(&onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 999}}, Graph: tiny().Graph}), "999"),
		onnxCase("operator set -1", "", marshal(&onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: -1}}, Graph: tiny().Graph}), "-1"),
		onnxCase("a function that calls itself", "", marshal(&onnx.Model{IrVersion: 8, OpsetImport: tiny().OpsetImport, Graph: changed(func(g *onnx.Graph) {
			g.Node[0].OpType, g.Node[0].Domain = "Again", "own"
		}).Graph, Functions: []*pb.FunctionProto{{Name: "Again", Domain: "own", Input: []string{"x"}, Output: []string{"y"}, Node: []*onnx.Node{
			{OpType: "Again", Domain: "own", Input: []string{"x"}, Output: []string{"y"}}}}}}), "own"),
	}
}

// oneNode is a model whose logits come from an operator of the image and constants.
func oneNode(op string, constants []*tensor.Tensor, attrs ...*onnx.Attribute) []byte {
	return marshal(changed(func(g *onnx.Graph) {
		in := []string{"image"}
		for i, c := range constants {
			name := ""
			if c != nil {
				name = fmt.Sprint("c", i)
				g.Initializer = append(g.Initializer, onnx.Encode(name, c))
			}
			in = append(in, name)
		}
		g.Node[0] = onnx.NewNode(op, "bad", in, []string{"logits"}, attrs...)
		for _, d := range g.Output[0].Type.GetTensorType().Shape.Dim { // whatever comes out, it is declared
			*d = pb.TensorShapeProto_Dimension{}
		}
	}))
}

func ints(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }

func floats(v ...float32) *tensor.Tensor { return tensor.Of(v, len(v)) }

func hostileGraphs() []hostileCase {
	const bomb = "CVE-2026-34445"
	const node = `"bad"`
	big := int64(1) << 40
	none := (*tensor.Tensor)(nil)
	kernel := tensor.Of(make([]float32, 27), 1, 3, 3, 3)
	chain := changed(func(g *onnx.Graph) { // each of 64 tensors fits, all together do not
		g.Node = nil
		for i := range 64 {
			g.Node = append(g.Node, onnx.NewNode("Tile", fmt.Sprint("tile", i), []string{"image", "repeats"}, []string{fmt.Sprint("t", i)}))
		}
		sum := "t0"
		for i := 1; i < 64; i++ {
			g.Node = append(g.Node, onnx.NewNode("Add", fmt.Sprint("add", i), []string{sum, fmt.Sprint("t", i)}, []string{fmt.Sprint("s", i)}))
			sum = fmt.Sprint("s", i)
		}
		g.Node = append(g.Node, onnx.NewNode("ReduceMean", "mean", []string{sum}, []string{"m"}),
			onnx.NewNode("Add", "add", []string{"m", "image"}, []string{"logits"}))
		g.Initializer = append(g.Initializer, onnx.Encode("repeats", ints(1<<9, 1, 1<<10, 1)))
	})
	late := changed(func(g *onnx.Graph) { // the size depends on the picture's contents
		g.Node = []*onnx.Node{
			onnx.NewNode("ReduceMax", "max", []string{"image"}, []string{"m"}, onnx.AttrInt("keepdims", 0)),
			onnx.NewNode("Cast", "cast", []string{"m"}, []string{"i"}, onnx.AttrInt("to", int(tensor.Int64))),
			onnx.NewNode("Add", "more", []string{"i", "million"}, []string{"n"}),
			onnx.NewNode("Unsqueeze", "list", []string{"n", "zero"}, []string{"n1"}),
			onnx.NewNode("Concat", "shape", []string{"n1", "n1"}, []string{"shape"}, onnx.AttrInt("axis", 0)),
			onnx.NewNode("ConstantOfShape", "bad", []string{"shape"}, []string{"huge"}),
			onnx.NewNode("ReduceMax", "max2", []string{"huge"}, []string{"h"}, onnx.AttrInt("keepdims", 0)),
			onnx.NewNode("Add", "add", []string{"h", "image"}, []string{"logits"}),
		}
		g.Initializer = append(g.Initializer, onnx.Encode("million", tensor.Scalar(int64(1)<<16)), onnx.Encode("zero", ints(0)))
	})
	circle := changed(func(g *onnx.Graph) {
		g.Node = []*onnx.Node{onnx.NewNode("Relu", "bad", []string{"b"}, []string{"logits"}), onnx.NewNode("Relu", "back", []string{"logits"}, []string{"b"})}
	})
	return []hostileCase{
		onnxCase("a circle", "onnxruntime #4585", marshal(circle), "cycle"),
		onnxCase("expand to 2^40", bomb, oneNode("Expand", []*tensor.Tensor{ints(big, 3, 8, 8)}), node),
		onnxCase("tile 2^40 times", bomb, oneNode("Tile", []*tensor.Tensor{ints(1, 1, big, 1)}), node),
		onnxCase("tile until the product overflows", bomb, oneNode("Tile", []*tensor.Tensor{ints(big, big, big, big)}), node),
		onnxCase("tile a negative number of times", "", oneNode("Tile", []*tensor.Tensor{ints(1, 1, -1, 1)}), node),
		onnxCase("resize by a billion", bomb, oneNode("Resize", []*tensor.Tensor{none, floats(1, 1, 1e9, 1e9)}), node),
		onnxCase("resize by not a number", "", oneNode("Resize", []*tensor.Tensor{none, floats(1, 1, float32(math.NaN()), 1)}), node),
		onnxCase("resize by infinity", "", oneNode("Resize", []*tensor.Tensor{none, floats(1, 1, float32(math.Inf(1)), 1)}), node),
		onnxCase("resize by a negative number", "", oneNode("Resize", []*tensor.Tensor{none, floats(1, 1, -2, 1)}), node),
		onnxCase("resize to 2^40", bomb, oneNode("Resize", []*tensor.Tensor{none, none, ints(1, 3, big, big)}), node),
		onnxCase("pad by 2^62", bomb, oneNode("Pad", []*tensor.Tensor{ints(0, 0, 1<<62, 0, 0, 0, 1<<62, 0)}), node),
		onnxCase("pad away more than there is", "", oneNode("Pad", []*tensor.Tensor{ints(0, 0, -9, 0, 0, 0, 0, 0)}), node),
		onnxCase("reshape into an overflow", "", oneNode("Reshape", []*tensor.Tensor{ints(1<<32, 1<<32, 1<<32, 1)}), node),
		onnxCase("slice in steps of 0", "", oneNode("Slice", []*tensor.Tensor{ints(0), ints(8), ints(2), ints(0)}), node),
		onnxCase("gather out of range", "CVE-2024-27319", oneNode("Gather", []*tensor.Tensor{ints(0, 1<<40)}, onnx.AttrInt("axis", 2)), node),
		onnxCase("convolution with pads of 2^62", bomb, oneNode("Conv", []*tensor.Tensor{kernel}, onnx.AttrInts("pads", 1<<62, 0, 1<<62, 0)), node),
		onnxCase("convolution with a dilation of 2^62", bomb, oneNode("Conv", []*tensor.Tensor{kernel}, onnx.AttrInts("dilations", 1<<62, 1)), node),
		onnxCase("convolution with a stride of 0", "onnxruntime #4349", oneNode("Conv", []*tensor.Tensor{kernel}, onnx.AttrInts("strides", 0, 1)), node),
		onnxCase("convolution in 0 groups", "onnxruntime #4349", oneNode("Conv", []*tensor.Tensor{kernel}, onnx.AttrInt("group", 0)), node),
		onnxCase("convolution in -1 groups", "onnxruntime #4349", oneNode("Conv", []*tensor.Tensor{kernel}, onnx.AttrInt("group", -1)), node),
		onnxCase("a pool with a window of 0", "onnxruntime #4349", oneNode("MaxPool", nil, onnx.AttrInts("kernel_shape", 0, 0)), node),
		onnxCase("a pool with a window of 2^40", "", oneNode("AveragePool", nil, onnx.AttrInts("kernel_shape", 1<<40, 1), onnx.AttrInts("pads", 1<<40, 0, 1<<40, 0)), node),
		onnxCase("a transposed convolution of 2^62 pixels", bomb, oneNode("ConvTranspose", []*tensor.Tensor{tensor.Of(make([]float32, 27), 3, 1, 3, 3)}, onnx.AttrInts("strides", 1<<62, 1<<62)), node),
		onnxCase("a block of 0", "", oneNode("DepthToSpace", nil, onnx.AttrInt("blocksize", 0)), node),
		onnxCase("a permutation with an axis twice", "", oneNode("Transpose", nil, onnx.AttrInts("perm", 0, 0, 1, 2)), node),
		onnxCase("the 2^62 largest", "", oneNode("TopK", []*tensor.Tensor{ints(1 << 62)}), node),
		onnxCase("an axis at -2^63", "", oneNode("Softmax", nil, onnx.AttrInt("axis", math.MinInt64)), node),
		onnxCase("parts of negative size", "", oneNode("Split", []*tensor.Tensor{ints(-8, 16)}, onnx.AttrInt("axis", 2)), node),
		onnxCase("64 tensors that fit one by one", bomb, marshal(chain), "bytes"),
		onnxCase("a size that only the run can tell", bomb, marshal(late), "bytes"),
	}
}
