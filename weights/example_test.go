package weights_test

import (
	"fmt"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx/tensor"
	"autodeeplab/weights"
	"autodeeplab/weights/checkpoint"
)

// Example looks at what an import would do, of a checkpoint of which only a little is there.
func Example() {
	f := &checkpoint.File{Tensors: []checkpoint.Tensor{
		{Name: "global_step", DType: tensor.Int64},
		{Name: "hnasnet/conv0/weights", DType: tensor.Float32, Shape: []int{3, 3, 3, 64}},
	}}
	names, err := weights.Choose(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 2, Classes: 19, Height: 65, Width: 65, Batch: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := weights.Match(m, f, weights.Options{Map: names})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range plan.Rows[:2] {
		fmt.Printf("%s %v: %s%s\n", r.Name, r.Shape, r.How, r.Problem)
	}
	for _, l := range plan.Left {
		fmt.Printf("%s: %s\n", l.Tensor.Name, l.Reason)
	}
	// Output:
	// stem/conv0/weight [64 3 3 3]: HWIO to OIHW
	// stem/conv0/bn/scale [64]: the checkpoint has no "hnasnet/conv0_bn/gamma"
	// global_step: the number of the training step
}

// ExampleParseMap reads a map of one's own.
func ExampleParseMap() {
	m, err := weights.ParseMap("mine", []byte(`
		about   the stem of another program
		detect  backbone.conv.weight
		let     bn  scale=weight bias=bias mean=running_mean variance=running_var
		tensor  stem/conv{i}/weight   backbone.conv{i+1}.weight
		tensor  stem/conv{i}/bn/{bn}  backbone.norm{i+1}.{bn}
	`))
	fmt.Println(m.About, err)
	_, err = weights.ParseMap("mine", []byte("tensor stem/conv{i}/weight backbone.conv{i+1}.weight OHWI"))
	fmt.Println(err)
	// Output:
	// the stem of another program <nil>
	// line 1: "OHWI", want HWIO, HWCM, inputs=…, times=…, minus=… or else=…
}
