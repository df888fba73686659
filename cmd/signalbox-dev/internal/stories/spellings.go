package stories

import "encoding/base64"

// Spellings returns how a text can stand in an exported history: as it is, and in base64. The characters of base64 differ with the place in
// a group of three bytes at which the text begins; only those are returned that depend on nothing before or behind the text.
func Spellings(text string) []string {
	all := []string{text}
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), text...))
		all = append(all, encoded[(before*8+5)/6:(before+len(text))*8/6])
	}
	return all
}
