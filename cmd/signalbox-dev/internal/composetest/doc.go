// Package composetest plays docker-compose.yml without containers: it reads commands and environment from it, and runs them as processes.
package composetest
