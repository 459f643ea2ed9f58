package main

import (
	"errors"

	"github.com/spf13/cobra"

	"autodeeplab/decode"
	"autodeeplab/search"
)

// randomFlags are those of decode --random.
type randomFlags struct {
	random                 bool
	seed                   uint64
	layers, blocks, levels int
}

func (r *randomFlags) add(cmd *cobra.Command) {
	f, paper := cmd.Flags(), search.Presets["paper"].Space
	f.BoolVar(&r.random, "random", false, "draw a random architecture of the search space, in place of RELAXATION")
	f.Uint64Var(&r.seed, "seed", 0, "which one, with --random")
	f.IntVar(&r.layers, "layers", paper.Layers, "layers of the trellis, with --random")
	f.IntVar(&r.blocks, "blocks", paper.Blocks, "blocks of the cell, with --random")
	f.IntVar(&r.levels, "levels", paper.Levels, "levels of the trellis, with --random")
	nameArguments(f, "seed", "N", "layers", "N", "blocks", "N", "levels", "N")
}

// check refuses flags that do not go together.
func (r *randomFlags) check(cmd *cobra.Command, args []string) error {
	own, others := []string{"seed", "layers", "blocks", "levels"}, []string{"top", "save", "alpha", "beta", "alpha-order", "beta-convention", "operators", "values"}
	if !r.random {
		if len(args) == 0 {
			return usagef("decode takes one relaxation, or two .npy, or --random (%s)", usageLine(cmd))
		}
		others = own
	} else if len(args) > 0 {
		return usagef("--random takes no relaxation, but %s is given", args[0])
	}
	for _, name := range others {
		if cmd.Flags().Changed(name) {
			if r.random {
				return usagef("--%s is for a relaxation, not for --random", name)
			}
			return usagef("--%s is for --random", name)
		}
	}
	return nil
}

// randomReport is what decode --random --json prints.
type randomReport struct {
	Architecture *decode.Architecture `json:"architecture"`
	Seed         uint64               `json:"seed"`
	Blocks       int                  `json:"blocks"`
	Layers       int                  `json:"layers"`
	Levels       int                  `json:"levels"`
	Cells        string               `json:"cells"` // of the space, a whole number
	Paths        string               `json:"paths"`
	Written      []string             `json:"written"`
}

// decodeRandom draws, writes and reports.
func (a *app) decodeRandom(o *decodeOptions) error {
	arch, size, err := decode.Random(decode.RandomOptions{Blocks: o.blocks, Layers: o.layers, Levels: o.levels, Seed: o.seed, Name: o.name})
	var field *decode.FieldError
	if errors.As(err, &field) {
		return usagef("--%s: %s", field.Field, field.Problem)
	}
	if err != nil {
		return err
	}
	r := randomReport{arch, o.seed, o.blocks, o.layers, o.levels, size.Cells.String(), size.Paths.String(), []string{}}
	if o.out != "" {
		if isFolder(o.out) {
			return usagef("-o %s: --random writes one file, want its name", o.out)
		}
		if err := decode.WriteFile(o.out, arch); err != nil {
			return err
		}
		r.Written = append(r.Written, o.out)
	}
	if o.json {
		text, err := jsonText(r)
		if err != nil {
			return err
		}
		_, err = a.stdout.Write(text)
		return err
	}
	if _, err := a.stdout.Write([]byte(arch.String())); err != nil {
		return err
	}
	a.printf("drawn with seed %d, one of %s cells and one of %s paths of %d layers and %d levels\n", o.seed, r.Cells, r.Paths, o.layers, o.levels)
	for _, path := range r.Written {
		a.printf("wrote %s\n", path)
	}
	return nil
}
