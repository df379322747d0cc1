"""Decay trees and their matrices."""
