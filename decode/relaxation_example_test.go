package decode_test

import (
	"fmt"
	"os"
	"path/filepath"

	"autodeeplab/decode"
)

func ExampleRelaxation_Decode() {
	r := decode.NewRelaxation(1, 3, 4) // a cell of one block, three layers, four levels; nothing learned yet
	// The edge from state 1 to block 0 likes a separable convolution best, then a dilated one.
	row := r.Alpha[decode.EdgeIndex(0, 1)*decode.NumOperators:]
	row[decode.SepConv3x3], row[decode.AtrConv3x3] = 3, 2
	// Of the moves that leave the stem and arrive at layer 0, the one down to level 1 is the likely one.
	r.Beta[int(decode.Down)] = 2

	d, err := r.Decode(decode.DecodeOptions{Name: "mine", Top: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(d.Architecture)
	for i, p := range d.Paths {
		fmt.Printf("\n%d: %v, product of β %.4f, %.2f above the next", i+1, p.Levels, p.Score, p.Margin)
	}
	for _, e := range d.Edges {
		fmt.Printf("\n%s → block %d: %s %.2f, then %s %.2f", decode.StateName(e.Input), e.Block, e.Op, e.Strength, e.RunnerUp, e.RunnerUpStrength)
	}
	// Output:
	// mine: 1 block, 3 layers, output stride 4
	//
	// block 0 = sep_conv_3x3(H[l-2]) + max_pool_3x3(H[l-1])
	//
	// path 1/8 1/4 1/4
	//
	// 1: [1 0 0], product of β 0.1468, 0.00 above the next
	// 2: [1 0 1], product of β 0.1468, 0.41 above the next
	// H[l-1] → block 0: max_pool_3x3 0.12, then avg_pool_3x3 0.12
	// H[l-2] → block 0: sep_conv_3x3 0.60, then atr_conv_3x3 0.22
}

func ExampleOneHot() {
	d, err := decode.OneHot(decode.Published()).Decode(decode.DecodeOptions{Name: "Auto-DeepLab"})
	fmt.Println(d.Architecture.Equal(decode.Published()), err)
	// Output: true <nil>
}

func ExampleWriteRelaxation() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "relaxation.safetensors")
	r := decode.OneHot(decode.Published())
	r.Info = map[string]string{"dataset": "cityscapes"}
	if err := decode.WriteRelaxation(path, r); err != nil {
		fmt.Println(err)
		return
	}
	r, err = decode.ReadRelaxation(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Blocks, "blocks,", r.Layers, "layers,", r.Levels, "levels,", r.Info["dataset"])
	// Output: 5 blocks, 12 layers, 4 levels, cityscapes
}

func ExampleImportRelaxation() {
	// A checkpoint of NoamRosenberg/autodeeplab: its names say which layout it has.
	r, err := decode.ImportRelaxation(decode.ImportOptions{}, "testdata/import/checkpoint.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Info["imported"], "as", r.Info["layout"])
	// One of MenghaoGuo/AutoDeeplab does not say it all.
	_, err = decode.ImportRelaxation(decode.ImportOptions{}, "testdata/import/menghao_decoder.npz")
	fmt.Println(err)
	// Output:
	// state_dict.alphas, state_dict.betas as NoamRosenberg/autodeeplab
	// testdata/import/menghao_decoder.npz: what the elements of "alphas_network" mean: that program's forward pass reads it as incoming-packed, its decoder as outgoing-packed
}
