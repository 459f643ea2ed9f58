package decode

import (
	"fmt"
	"slices"
	"strings"
)

// choose finds α and β among the arrays of the files: by the names in o, by the names of a known program, or, where
// there are two arrays in all, by their number of axes. The source is nil unless the names are those of one.
func choose(arrays []array, o *ImportOptions) (alpha, beta *array, src *source, err error) {
	for i := range sources {
		s := &sources[i]
		if o.AlphaName == "" && o.BetaName == "" && len(named(arrays, s.alpha)) > 0 && len(named(arrays, s.beta)) > 0 {
			src = s
			break
		}
	}
	alphaName, betaName := o.AlphaName, o.BetaName
	if src != nil {
		alphaName, betaName = src.alpha, src.beta
	}
	if alphaName == "" && betaName == "" && len(arrays) == 2 {
		return chooseByAxes(arrays)
	}
	if len(named(arrays, "bottom_betas")) > 0 && betaName == "" {
		return nil, nil, nil, fmt.Errorf("its β is in four tensors (bottom_betas, betas8, betas16, top_betas), as " +
			"NoamRosenberg/autodeeplab had it before September 2019: those weigh incoming moves and lack some, so that no path follows from them")
	}
	if alpha, err = pick(arrays, alphaName, "α", OptionAlphaName); err != nil {
		return nil, nil, nil, err
	}
	if beta, err = pick(arrays, betaName, "β", OptionBetaName); err != nil {
		return nil, nil, nil, err
	}
	for i := range sources {
		if s := &sources[i]; lastPart(alpha.name) == s.alpha && lastPart(beta.name) == s.beta {
			src = s
		}
	}
	return alpha, beta, src, nil
}

// chooseByAxes tells α, of two axes, from β, of three.
func chooseByAxes(arrays []array) (alpha, beta *array, src *source, err error) {
	for i := range arrays {
		d, err := arrays[i].load()
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", quote(arrays[i].name), err)
		}
		switch len(d.shape) {
		case 2:
			alpha = &arrays[i]
		case 3:
			beta = &arrays[i]
		}
	}
	if alpha == nil || beta == nil {
		return nil, nil, nil, fmt.Errorf("%s: neither is an α [edges, %d] beside a β [layers, levels, %d]", listNames(arrays), NumOperators, NumMoves)
	}
	return alpha, beta, nil, nil
}

// pick returns the one array of that name.
func pick(arrays []array, name, what string, option ImportOption) (*array, error) {
	if name == "" {
		return nil, &AmbiguousError{fmt.Sprintf("which array is %s? There are: %s", what, listNames(arrays)), []ImportOption{option}}
	}
	found := named(arrays, name)
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no array %s. There are: %s", quote(name), listNames(arrays))
	case 1:
		return found[0], nil
	}
	var several []array
	for _, a := range found {
		several = append(several, *a)
	}
	return nil, &AmbiguousError{fmt.Sprintf("%s is the name of several arrays: %s", quote(name), listNames(several)), []ImportOption{option}}
}

// named returns the array whose full name that is, or else all whose name ends in it behind a dot.
func named(arrays []array, name string) []*array {
	var found []*array
	for i := range arrays {
		if arrays[i].name == name {
			return []*array{&arrays[i]}
		}
		if lastPart(arrays[i].name) == name {
			found = append(found, &arrays[i])
		}
	}
	return found
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// listNames is the names of some arrays, for a message.
func listNames(arrays []array) string {
	const most = 8
	if len(arrays) == 0 {
		return "none"
	}
	var names []string
	for _, a := range arrays {
		names = append(names, quote(a.name))
	}
	slices.Sort(names)
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
