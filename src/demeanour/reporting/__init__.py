"""Verdicts for people: terminal, Allure, Markdown, JSON, and the plots in them."""
