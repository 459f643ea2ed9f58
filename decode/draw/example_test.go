package draw_test

import (
	"fmt"
	"io"
	"os"

	"autodeeplab/decode"
	"autodeeplab/decode/draw"
)

func ExampleTrellis() {
	f := draw.Trellis(decode.Published())
	w, h := f.Size()
	fmt.Printf("%.0f×%.0f points\n", w, h)
	if err := f.WritePNG(io.Discard, draw.DefaultDPI); err != nil {
		fmt.Println(err)
	}
	// Output: 1193×470 points
}

func ExampleCell() {
	file, err := os.CreateTemp("", "cell-*.svg")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := draw.Cell(decode.Published()).WriteSVG(file); err != nil {
		fmt.Println(err)
	}
	// Output:
}
