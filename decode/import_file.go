package decode

import (
	"fmt"

	"autodeeplab/weights/checkpoint"
)

// array is one named array of a file. Its contents are read only once it is chosen.
type array struct {
	name string
	load func() (*dense, error)
}

// dense is an array's contents, row-major.
type dense struct {
	shape []int
	data  []float64
}

// maxArrayElements bounds an array: no α or β of a valid relaxation has more elements.
const maxArrayElements = MaxBlocks * (MaxBlocks + 3) / 2 * NumOperators

// checkArray is an error where an array's shape has not 1 to maxArrayElements elements.
func checkArray(shape []int) error {
	n := 1
	for _, d := range shape {
		if d < 1 || d > maxArrayElements/n {
			return fmt.Errorf("shape %d, which no α or β has", shape)
		}
		n *= d
	}
	return nil
}

// arrays are the tensors of a checkpoint.
func arrays(f *checkpoint.File) []array {
	list := make([]array, len(f.Tensors))
	for i := range f.Tensors {
		t := &f.Tensors[i]
		list[i] = array{t.Name, func() (*dense, error) {
			if err := checkArray(t.Shape); err != nil {
				return nil, err
			}
			data, err := checkpoint.Load[float64](t)
			if err != nil {
				return nil, err
			}
			return &dense{shape: t.Shape, data: data}, nil
		}}
	}
	return list
}
