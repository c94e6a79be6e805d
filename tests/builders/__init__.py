"""What tests are made of: people, clips, projects, stand-ins for the engine. No test lives here."""
