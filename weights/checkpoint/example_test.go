package checkpoint_test

import (
	"fmt"

	"autodeeplab/weights/checkpoint"
)

// Example lists a TensorFlow checkpoint by its prefix and reads one of its tensors.
func Example() {
	f, err := checkpoint.Open("testdata/model.ckpt-90000")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Println(f.Format)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		fmt.Println(t)
		if t.Name == "half" {
			v, err := checkpoint.Load[float32](t)
			fmt.Println(v, err)
		}
	}
	// Output:
	// TensorFlow
	// "brain" DT_BFLOAT16[4]
	// "conv/weights" DT_FLOAT[3,3,2,4]
	// "global_step" DT_INT64[]
	// "half" DT_HALF[5]
	// [0.5 -1.25 65504 5.9604645e-08 0] <nil>
	// "names" DT_STRING[2]
	// "parted" DT_FLOAT[7,3]
	// "wide" DT_DOUBLE[5,30]
}
