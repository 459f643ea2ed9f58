package dataset_test

import (
	"fmt"

	"autodeeplab/dataset"
)

func ExampleByName() {
	c, err := dataset.ByName("cityscapes")
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Len(), c.ClassNames[13], c.Palette[13])
	// Output: 19 car {0 0 142 255}
}
