// The program this module is there to build, and with what: versions that Debian's Go (1.19) compiles.

//go:build tools

package tools

import _ "github.com/summerwind/h2spec/cmd/h2spec"
