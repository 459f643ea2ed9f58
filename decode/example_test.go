package decode_test

import (
	"fmt"
	"os"

	"autodeeplab/decode"
)

func ExamplePublished() {
	fmt.Print(decode.Published())
	// Output:
	// Auto-DeepLab: 5 blocks, 12 layers, output stride 8
	//
	// block 0 = atr_conv_5x5(H[l-2])  + sep_conv_3x3(H[l-1])
	// block 1 = sep_conv_3x3(H[l-2])  + atr_conv_3x3(H[l-1])
	// block 2 = sep_conv_3x3(block 1) + sep_conv_3x3(H[l-2])
	// block 3 = sep_conv_5x5(block 2) + sep_conv_5x5(block 0)
	// block 4 = sep_conv_5x5(block 1) + atr_conv_5x5(block 3)
	//
	// path 1/4 1/4 1/4 1/8 1/16 1/8 1/16 1/16 1/32 1/32 1/16 1/8
}

func ExampleUnmarshal() {
	_, err := decode.Unmarshal([]byte(`{
	  "format": "autodeeplab.architecture", "version": 1, "name": "mine",
	  "cell": [[{"input": 0, "op": "sep_conv_3x3"}, {"input": 2, "op": "skip_connect"}]],
	  "path": [0, 1, 1]
	}`))
	fmt.Println(err)
	// Output: cell[0][1].input: 2 is block 0 itself, a cycle (it may use 0 to 1)
}

func ExampleMarshal() {
	a := &decode.Architecture{
		Name: "mine",
		Cell: []decode.Block{{{Input: 0, Op: decode.SepConv3x3}, {Input: 1, Op: decode.SkipConnect}}},
		Path: []int{0, 1, 1},
	}
	data, err := decode.Marshal(a)
	if err != nil {
		fmt.Println(err)
	}
	os.Stdout.Write(data)
	// Output:
	// {
	//   "format": "autodeeplab.architecture",
	//   "version": 1,
	//   "name": "mine",
	//   "cell": [
	//     [{"input": 0, "op": "sep_conv_3x3"}, {"input": 1, "op": "skip_connect"}]
	//   ],
	//   "path": [0, 1, 1]
	// }
}
