"""A loaded model that predicts and explains. It knows no JSON, no PNG and no server."""
