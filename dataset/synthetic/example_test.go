package synthetic_test

import (
	"context"
	"fmt"
	"os"

	"autodeeplab/dataset"
	"autodeeplab/dataset/synthetic"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "synthetic")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := synthetic.Write(context.Background(), dir, synthetic.Options{Train: 4, Val: 2, Height: 32, Width: 48}); err != nil {
		panic(err)
	}
	set, err := dataset.Open(dir, "")
	if err != nil {
		panic(err)
	}
	fmt.Println(set.Layout, len(set.Train), len(set.Val), set.Classes.ClassNames)
	// Output: plain 4 2 [sky mountain meadow water road house tree car balloon]
}
