package main

import (
	"github.com/spf13/cobra"

	"autodeeplab/dataset/synthetic"
)

func newDataSynthesizeCommand(a *app) *cobra.Command {
	out, images, size, seed := "", 100, sizeFlag{128, 160}, uint64(0)
	cmd := &cobra.Command{
		Use:   "synthesize -o DIR",
		Short: "Paint a data set of landscapes, with exact labels",
		Long: `synthesize paints landscapes of nine classes (sky, mountains, meadows, water, roads, houses, trees, cars,
balloons) that no colour alone tells apart, and writes them in the layout plain: a fifth of the images, at
least one, are for validation. The same options give the same files; what was interrupted is taken up.`,
		Example: `  autodeeplab data synthesize -o scenes/
  autodeeplab data synthesize -o scenes/ --images 1000 --size 256x512 --seed 7`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out == "":
				return usagef("synthesize needs a folder to write to: -o DIR")
			case images < 2:
				return usagef("--images %d: want at least 2, one to train on and one to validate", images)
			case min(size.height, size.width) < synthetic.MinSide || max(size.height, size.width) > synthetic.MaxSide:
				return usagef("--size %s: want sides of %d to %d", size.String(), synthetic.MinSide, synthetic.MaxSide)
			}
			val := max(images/5, 1)
			bar := a.progress(images, "painting")
			defer clearBar(bar)
			err := synthetic.Write(cmd.Context(), out, synthetic.Options{
				Train: images - val, Val: val, Height: size.height, Width: size.width, Seed: seed,
				Progress: func(done, _ int) {
					if bar != nil {
						_ = bar.Set(done)
					}
				},
			})
			if err != nil {
				return err
			}
			clearBar(bar)
			a.printf("%s: %d training and %d validation images of %s\n", out, images-val, val, size.String())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "folder for the data set, made if missing")
	f.IntVar(&images, "images", images, "how many images")
	f.Var(&size, "size", "of the images in pixels, height first")
	f.Uint64Var(&seed, "seed", 0, "which series of images")
	nameArguments(f, "output", "DIR", "images", "N", "seed", "N")
	return cmd
}
