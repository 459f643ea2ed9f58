package onnx_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"autodeeplab/onnx"
)

func ExampleLoad() {
	m, err := onnx.Load(filepath.Join("testdata", "format", "net.onnx"), onnx.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("opset %d, classes %s\n", onnx.Opset(m), onnx.Metadata(m)["classes"])
	for _, n := range m.GetGraph().GetNode() {
		fmt.Println(n.GetOpType())
	}
	_, err = onnx.Load("example_test.go", onnx.LoadOptions{})
	fmt.Println(err)
	// Output:
	// opset 17, classes road,sky
	// Conv
	// BatchNormalization
	// Clip
	// Reshape
	// example_test.go: not an ONNX model: it looks like text
}

func ExampleFormat() {
	m, err := onnx.Load(filepath.Join("testdata", "format", "function.onnx"), onnx.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := onnx.Format(os.Stdout, m, onnx.TextOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// <
	//    ir_version: 8,
	//    opset_import: ["" : 17, "org.example" : 1],
	//    producer_name: "text.py"
	// >
	// calls (float[N] a) => (float[N] b) {
	//    [call] b = org.example.PlusOne <slope = 0.5> (a)
	// }
	// <
	//    domain: "org.example",
	//    opset_import: ["" : 17],
	//    doc_string: "adds one"
	// >
	// PlusOne <slope, bias: float = 2.0> (x) => (y) <float[N] s> {
	//    one = Constant <value_float = 1.0> ()
	//    s = Add (x, one)
	//    y = Elu <alpha: float = @slope> (s)
	// }
}

func ExampleParse() {
	m, err := onnx.Parse(`
		<ir_version: 8, opset_import: ["" : 17]>
		g (float[N,3] x) => (float[N,2] y) <float[3,2] w = {1, 2, 3, 4, 5, 6}> {
			y = MatMul (x, w)
		}`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.GetGraph().GetNode()[0].GetOpType(), m.GetGraph().GetInitializer()[0].GetDims())
	_, err = onnx.Parse("g (float[N,3 x) => () {}")
	fmt.Println(err)
	// Output:
	// MatMul [3 2]
	// 1:14: want "]", have "x"
}

func ExampleSave() {
	dir, err := os.MkdirTemp("", "onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := onnx.Parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Relu (x) }`)
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "net.onnx")
	if err := onnx.Save(path, m, onnx.SaveOptions{}); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Size(), "bytes")
	// Output: 59 bytes
}
